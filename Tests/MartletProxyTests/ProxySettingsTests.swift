import FoundationEssentials
import Logging
import MartletService
import NIOCore
import Testing

@testable import MartletProxy

@Suite("Settings of the proxy")
struct ProxySettingsTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func settings(
        _ text: String?, _ flags: [String: [String]] = [:], _ environment: [String: String] = [:]
    ) throws -> ProxySettings {
        let file = "/tmp/martlet-proxy-\(UInt64.random(in: 0 ... .max)).yaml"
        try text?.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try ProxySettings(file: text == nil ? nil : file, flags: flags, environment: environment)
    }

    private static func complaint(
        _ text: String?, _ flags: [String: [String]] = [:], _ environment: [String: String] = [:]
    ) async -> (code: ServerError.Code?, lines: [String]) {
        do {
            _ = try await self.settings(text, flags, environment).makeConfiguration(fetches: false, logger: self.logger)
            return (nil, [])
        } catch let error as ServerError {
            let lines = "\(error)".split(separator: "\n").map { line in
                line.hasPrefix("/tmp/martlet-proxy") ? "a" + line.drop { $0 != "." } : String(line)
            }
            return (error.code, lines)
        } catch {
            return (nil, ["\(error)"])
        }
    }

    @Test("two options are enough for one server, and so are two keys or two variables")
    func forwarding() async throws {
        for settings in [
            try Self.settings(nil, ["to": ["http://127.0.0.1:1"], "listen": ["127.0.0.1:2"]]),
            try Self.settings("to: http://127.0.0.1:1\nlisten: 127.0.0.1:2"),
            try Self.settings(nil, [:], ["MARTLET_TO": "http://127.0.0.1:1", "MARTLET_LISTEN": "127.0.0.1:2"]),
        ] {
            let configuration = try await settings.makeConfiguration(logger: Self.logger)
            #expect(configuration.listeners.map(\.address.description) == ["127.0.0.1:2"])
            let upstream = configuration.routes.first.flatMap { configuration.upstreams[$0.upstream] }
            #expect(upstream?.endpoints.map(\.url.port) == [1])
        }
        let configuration = try await Self.settings("to: http://127.0.0.1:1").makeConfiguration(logger: Self.logger)
        #expect(configuration.listeners.map(\.address.description) == ["127.0.0.1:8082"])
    }

    @Test("options and variables take precedence over the file, one key at a time")
    func precedence() async throws {
        let text = "to: http://a\nlimits: {connections: 1, headerSize: 2KiB}\nlog: {level: debug}"
        let settings = try Self.settings(text, ["limits.connections": ["3"]], ["MARTLET_LOG_LEVEL": "error"])
        let configuration = try await settings.makeConfiguration(logger: Self.logger)
        #expect(configuration.maximumConnections == 3 && configuration.client.maximumHeaderSize == 2048)
        #expect(settings.log.level == .error)
    }

    @Test(
        "what is said twice excludes each other",
        arguments: [
            (
                "listeners: [1.2.3.4:80]\nlisten: 1.2.3.4:81\nto: http://a",
                "listen: listen and listeners exclude each other"
            ),
            ("to: http://a\nroutes: [{to: http://a}]", "to: to and routes exclude each other"),
            ("to: http://a\nupstreams: {a: {endpoints: [http://a]}}", "upstreams: to and upstreams exclude each other"),
            (
                "routes: [{to: http://a}]\ndrainTimeout: 1s\ndrain: {time: 1s}",
                "drainTimeout: drain.time is said too, whose old name this is"
            ),
            (
                "routes: [{to: http://a}, {path: /b, to: http://a}, {path: /b/, to: http://a}]",
                "routes[2].path: another route"
            ),
            (
                "routes: [{hosts: [a.com, b.com], to: http://a}, {hosts: [B.com], to: http://a}]",
                "routes[1]: another route matches the same requests"
            ),
            (
                "to: http://a\nlisteners: ['127.0.0.1:80', '127.0.0.1:80']",
                "listeners[1]: another listener has this address"
            ),
            (
                "to: http://a\nlisten: 127.0.0.1:80\nadmin: {listen: '127.0.0.1:80'}",
                "admin.listen: another listener has"
            ),
        ])
    func exclusive(text: String, expected: String) async {
        let (_, lines) = await Self.complaint(text)
        #expect(lines.count == 1 && lines[0].contains(expected), "\(lines)")
    }

    @Test("the command line takes precedence over lists of the file")
    func options() async throws {
        let settings = try Self.settings(
            "listeners: [1.2.3.4:80]\nroutes: [{path: /a, to: http://a}]",
            ["to": ["http://b"], "listen": ["127.0.0.1:9"]])
        let configuration = try await settings.makeConfiguration(logger: Self.logger)
        #expect(configuration.listeners.map(\.address.description) == ["127.0.0.1:9"])
        #expect(configuration.routes.map(\.path) == ["/"] && configuration.upstreams.count == 1)
    }

    @Test("what replaces a list of the file is told, and nothing replaces a check of tokens or TLS")
    func replacements() async throws {
        let plain = try Self.settings("routes: [{path: /a, to: http://a}]", ["to": ["http://b"]])
        #expect(plain.warnings == ["--to: it replaces routes of the file"])
        let listening = try Self.settings(
            "listeners: [1.2.3.4:80]\nto: http://a", [:], ["MARTLET_LISTEN": "127.0.0.1:9"])
        #expect(listening.warnings == ["MARTLET_LISTEN: it replaces listeners of the file"])
        for tokens in ["jwt: {secretFile: a}", "jwks: {url: 'http://a'}", "jwt: {}"] {
            let text = "routes: [{to: http://a}, {path: /a, to: http://a, webSocket: {\(tokens)}}]"
            let (code, lines) = await Self.complaint(text, [:], ["MARTLET_TO": "http://b"])
            #expect(code == .configuration)
            #expect(lines == ["MARTLET_TO: it would replace routes of the file that check tokens"])
        }
        let tls = "listeners: [{listen: 127.0.0.1:1, tls: {certificate: a, key: b}}]\nto: http://a"
        let (_, lines) = await Self.complaint(tls, ["listen": ["127.0.0.1:9"]])
        #expect(lines.first == "--listen: it would replace listeners of the file that serve TLS")
    }

    @Test("an address that is taken is told at its own line, whatever else is wrong")
    func takenAddresses() async {
        let (_, lines) = await Self.complaint(
            "to: http://a\nlisteners:\n  - {listen: 127.0.0.1:1, tls: {key: k}}\n  - 127.0.0.1:2\n  - 127.0.0.1:3\n  - 127.0.0.1:2"
        )
        #expect(lines.contains("a.yaml:6: listeners[3]: another listener has this address: 127.0.0.1:2"), "\(lines)")
    }

    @Test("two spellings of a host in one route are one host")
    func sameHost() async {
        #expect(await Self.complaint("routes: [{to: http://a, hosts: [a.com, A.com]}]").lines == [])
    }

    @Test(
        "hosts and headers that cannot be are told",
        arguments: [
            ("hosts: ['example.com:80']", "routes[0].hosts: expected hosts without ports"),
            ("hosts: ['http://a']", "routes[0].hosts"), ("hosts: ['*.*.com']", "routes[0].hosts"),
            ("hosts: ['']", "routes[0].hosts"),
            ("hosts: a.com, b.com", "routes[0].hosts"),
            ("hosts: [null]", "routes[0].hosts[0]: expected a value, not null"),
            ("host: a b", "routes[0].host: expected keep"),
            ("host: null", "routes[0].host: expected a value, not null"),
            ("requestHeaders: {remove: a b}", "routes[0].requestHeaders.remove: a b is no header"),
            ("requestHeaders: {set: {X-A: null}}", "routes[0].requestHeaders.set.X-A: expected a value, not null"),
            ("webSocket: {subprotocols: [a b]}", "routes[0].webSocket.subprotocols: a b is no subprotocol"),
            (
                "webSocket: {jwks: {url: 'http://a'}, userHeader: Host}",
                "routes[0].webSocket.userHeader: this header is"
            ),
            (
                "webSocket: {jwks: {url: 'http://a'}, userHeader: X User}",
                "routes[0].webSocket.userHeader: this cannot be"
            ),
            ("webSocket: {jwks: {url: 'http://a'}, userHeader: Content-Length}", "routes[0].webSocket.userHeader"),
            ("hosts: ['db:80']", "routes[0].hosts"), ("hosts: ['a:1']", "routes[0].hosts"),
            (
                "webSocket: {jwks: {url: 'http://a'}, userHeader: X-Forwarded-For}",
                "routes[0].webSocket.userHeader: this header is"
            ),
            ("webSocket: {jwks: {url: 'http://a b'}}", "routes[0].webSocket.jwks.url: http://a b is no http"),
            (
                "webSocket: {jwks: {url: 'ftp://u:secret@a/?k=secret'}}",
                "routes[0].webSocket.jwks.url: ftp://…@a/?… is no http"
            ),
            ("webSocket: {userHeader: X-User}", "routes[0].webSocket.userHeader: exactly one of"),
            ("webSocket: {messageBurst: 5}", "routes[0].webSocket.messageBurst: there is no webSocket.messageRate"),
            ("webSocket: {jwt: {secretFile: a, algorithm: XX}}", "routes[0].webSocket.jwt.algorithm: XX is no"),
        ])
    func routes(text: String, expected: String) async {
        let (_, lines) = await Self.complaint("routes:\n- to: http://a\n  \(text)")
        #expect(lines.first?.hasPrefix("a.yaml:3: \(expected)") == true, "\(lines)")
    }

    @Test(
        "hosts that can be are taken",
        arguments: ["example.com", "'*.example.com'", "'*'", "localhost", "127.0.0.1", "'::1'", "a_b"])
    func hosts(host: String) async {
        #expect(await Self.complaint("routes: [{to: http://a, hosts: [\(host)]}]").lines == [])
    }

    @Test("files of an upstream's TLS are opened, and a log that cannot be written is told")
    func upstreamFiles() async throws {
        let (code, lines) = await Self.complaint(
            "routes: [{to: a}]\nupstreams:\n  a:\n    endpoints: [https://a]\n    tls: {key: \(#filePath)}\naccessLog: {file: /tmp}"
        )
        #expect(code == .configuration)
        #expect(
            lines == [
                "a.yaml:5: upstreams.a.tls.key: tls.certificate is missing, which goes with it",
                "a.yaml:6: accessLog.file: cannot write /tmp",
            ])
    }

    @Test("all mistakes are told at once: of values, of what they have to do with each other, and of files")
    func everything() async {
        let (code, lines) = await Self.complaint(
            """
            listeners:
              - nonsense
              - {listen: 127.0.0.1:0, tls: {certificate: /nonexistent/c.pem, key: /nonexistent/k.pem}}
            routes:
              - {to: nowhere, responseTimeout: soon}
              - {to: nowhere}
              - {to: http://a, webSocket: {jwt: {}}}
              - {path: /b, to: http://a, webSocket: {jwt: {secretFile: /nonexistent/s, keyFile: /nonexistent/k}}}
              - {path: /c, to: http://a, webSocket: {jwt: {secretFile: /nonexistent/s}}}
            upstreams:
              app: {endpoints: [http://a], tls: {authorities: /nonexistent/ca.pem}}
            accessLog: {}
            drain: {time: soon, dealy: 1s}
            """, [:], ["MARTLET_ADMIN_LISTEN": "x", "MARTLET_ADMIN_LITSEN": "x"])
        #expect(code == .configuration)
        for expected in [
            "MARTLET_ADMIN_LISTEN: expected an address", "MARTLET_ADMIN_LITSEN: there is no such setting; did you mean",
            "a.yaml:2: listeners[0]: expected an address", "a.yaml:5: routes[0].responseTimeout: expected a time",
            "a.yaml:3: listeners[1].tls.certificate: cannot read", "a.yaml:3: listeners[1].tls.key: cannot read",
            "a.yaml:5: routes[0].to: there is no upstream nowhere",
            "a.yaml:6: routes[1].to: there is no upstream nowhere",
            "a.yaml:7: routes[2].webSocket.jwt: exactly one of",
            "a.yaml:8: routes[3].webSocket.jwt.keyFile: exactly one",
            "a.yaml:9: routes[4].webSocket.jwt.secretFile: cannot read",
            "a.yaml:11: upstreams.app.tls.authorities: cannot read",
            "a.yaml:12: accessLog: accessLog.file is missing",
            "a.yaml:13: drain.dealy: there is no such key; did you mean drain.delay?",
            "a.yaml:13: drain.time: expected a time",
        ] {
            #expect(
                lines.contains { $0.hasPrefix(expected) }, "\(expected) is not in\n\(lines.joined(separator: "\n"))")
        }
    }

    @Test("what cannot be told by values is told with its line too")
    func references() async {
        let (_, lines) = await Self.complaint(
            """
            listeners: [{listen: 127.0.0.1:0, tls: {certificate: /nonexistent/c.pem, key: /nonexistent/k.pem}}]
            routes:
              - {to: nowhere}
              - {to: http://a}
              - {path: /a, to: http://a, webSocket: {jwt: {}}}
              - {path: /b, to: http://a, webSocket: {jwt: {secretFile: /nonexistent/s, keyFile: /nonexistent/k}}}
              - {path: /c, to: http://a, webSocket: {jwt: {secretFile: /nonexistent/s}}}
              - {path: /d, to: http://a, webSocket: {jwks: {url: 'ftp://x'}}}
            upstreams:
              app: {endpoints: [http://a], tls: {authorities: /nonexistent/ca.pem}}
            """)
        #expect(lines.count == 9)
        for (line, expected) in zip(
            lines,
            [
                "a.yaml:1: listeners[0].tls.certificate: cannot read /nonexistent/c.pem",
                "a.yaml:1: listeners[0].tls.key: cannot read /nonexistent/k.pem",
                "a.yaml:3: routes[0].to: there is no upstream nowhere, and it is no URL",
                "a.yaml:4: routes[1]: two routes are called /, or match the same requests",
                "a.yaml:5: routes[2].webSocket.jwt: exactly one of webSocket.jwt.secretFile",
                "a.yaml:6: routes[3].webSocket.jwt.keyFile: exactly one of",
                "a.yaml:7: routes[4].webSocket.jwt.secretFile: cannot read /nonexistent/s",
                "a.yaml:8: routes[5].webSocket.jwks.url: ftp://x is no http or https URL",
                "a.yaml:10: upstreams.app.tls.authorities: cannot read /nonexistent/ca.pem",
            ])
        {
            #expect(line.hasPrefix(expected), "\(line)")
        }
    }

    @Test("every old key works and is told")
    func oldKeys() async throws {
        let settings = try Self.settings(
            """
            listeners: [{address: 127.0.0.1:0}]
            routes:
              - to: http://a
                maximumBodySize: 1KiB
                webSocket:
                  origins: [same-host]
                  maximumMessageSize: 1KiB
                  messageRate: 20
                  jwt: {jwksUrl: 'http://127.0.0.1/', userHeader: X-Name}
            admin: 127.0.0.1:0
            drainTimeout: 1m
            maximumConnections: 5
            client: {maximumHeaderSize: 8KiB, maximumHeaderCount: 50}
            """, ["accessLog": ["a.log"]])
        let configuration = try await settings.makeConfiguration(fetches: false, logger: Self.logger)
        let route = configuration.routes[0]
        #expect(route.maximumBodySize == 1024 && route.webSocket.maximumMessageSize == 1024)
        #expect(route.webSocket.messageRate == 20 && route.webSocket.origin != nil)
        #expect(route.webSocket.authenticate?.userHeader == "X-Name")
        #expect(configuration.admin?.port == 0 && configuration.drainTimeout == .minutes(1))
        #expect(configuration.maximumConnections == 5 && configuration.client.maximumHeaderSize == 8192)
        #expect(configuration.client.maximumHeaderCount == 50 && configuration.accessLog?.file == "a.log")
        #expect(settings.warnings.count == 13, "\(settings.warnings.joined(separator: "\n"))")
        let old = settings.warnings.filter { $0.contains("this is now called") }
        #expect(old.count == 12 && old.contains { $0.hasPrefix("--access-log: this is now called --access-log-file") })
    }

    @Test("a file that says nothing old is told nothing")
    func newKeys() throws {
        #expect(try Self.settings("to: http://a\ndrain: {time: 1s}").warnings == [])
    }

    @Test("settings that are not live are known when they differ")
    func fixed() throws {
        let old = try Self.settings("to: http://a")
        let new = try Self.settings(
            "to: http://b\nlog: {level: debug}\nadmin: {listen: ':1'}\naccessLog: {file: a}\nlimits: {connections: 1}\ndrain: {time: 1s}"
        )
        #expect(
            Set(new.fixedDifferences(from: old)) == [
                "limits.connections", "admin.listen", "accessLog.file", "log.level",
            ])
    }
}
