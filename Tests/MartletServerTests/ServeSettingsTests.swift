import FoundationEssentials
import Logging
import MartletPush
import MartletService
import MartletWebSocket
import Testing

@testable import MartletServer

@Suite("Settings of the service")
struct ServeSettingsTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Reads a file of some lines.
    private static func settings(
        _ text: String?, _ flags: [String: [String]] = [:], _ environment: [String: String] = [:]
    ) throws -> ServeSettings {
        let file = "/tmp/martlet-serve-\(UInt64.random(in: 0 ... .max)).yaml"
        try text?.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try ServeSettings(file: text == nil ? nil : file, flags: flags, environment: environment)
    }

    private static func configuration(
        _ text: String?, _ flags: [String: [String]] = [:], _ environment: [String: String] = [:]
    ) async throws -> PushServerConfiguration {
        try await self.settings(text, flags, environment).makeConfiguration(fetches: false, logger: self.logger)
    }

    /// The complaint, a line for each mistake, with `a.yaml` in place of the file's name.
    private static func complaint(
        _ text: String?, _ flags: [String: [String]] = [:], _ environment: [String: String] = [:]
    ) async -> (code: ServerError.Code?, lines: [String]) {
        do {
            _ = try await self.configuration(text, flags, environment)
            return (nil, [])
        } catch let error as ServerError {
            let lines = "\(error)".split(separator: "\n").map { line in
                line.hasPrefix("/tmp/martlet-serve") ? "a" + line.drop { $0 != "." } : String(line)
            }
            return (error.code, lines)
        } catch {
            return (nil, ["\(error)"])
        }
    }

    @Test("settings come from flags and variables, lists with commas")
    func overrides() async throws {
        let configuration = try await Self.configuration(
            nil, ["limits.pushRate": ["10/s"], "listen": ["127.0.0.1:1"]],
            [
                "MARTLET_LISTEN": "127.0.0.1:2", "MARTLET_LIMITS_PUSH_BURST": "50", "MARTLET_HISTORY_SIZE": "7",
                "MARTLET_TRUSTED_PROXIES": "10.0.0.0/8, ::1", "MARTLET_RETRY": "",
            ])
        #expect(configuration.listen == ListenAddress(host: "127.0.0.1", port: 1))
        #expect(configuration.pushRate == .init(perSecond: 10, burst: 50))
        #expect(configuration.history.size == 7 && configuration.trustedProxies != .none)
        #expect(configuration.eventStreams.retry == 1000...3000)
    }

    @Test("a burst belongs to a rate, which may be the default one")
    func bursts() async throws {
        #expect(try await Self.configuration(nil).limits.messageRate == .init(perSecond: 20, burst: 256))
        let burst = try await Self.configuration("limits: {messageBurst: 7}").limits.messageRate
        #expect(burst == .init(perSecond: 20, burst: 7))
        let rate = try await Self.configuration("limits: {messageRate: 600/m}").limits.messageRate
        #expect(rate == .init(perSecond: 10, burst: 10))
        #expect(
            await Self.complaint("limits: {pushBurst: 7}").lines
                == ["a.yaml:1: limits.pushBurst: there is no limits.pushRate that this could be the burst of"])
    }

    @Test("a mistake names the flag or the variable")
    func mistakes() async {
        let flag = await Self.complaint(nil, ["retry": ["soon"]])
        #expect(flag.code == .usage && flag.lines == ["--retry: expected a time such as 250ms, 30s, 5m or 1h"])
        let variable = await Self.complaint(nil, [:], ["MARTLET_LIMITS_QUEUE_SIZE": "10"])
        #expect(variable.code == .configuration)
        #expect(variable.lines == ["MARTLET_LIMITS_QUEUE_SIZE: expected a size from 1KiB to 1GiB"])
    }

    @Test("all mistakes are told at once: of values, of what they have to do with each other, and of files")
    func everything() async {
        let (code, lines) = await Self.complaint(
            """
            listen: 0.0.0.0:8080
            wsPath: ws
            pushPath: /sse
            limits: {pushRate: fast}
            tls: {certificate: /nonexistent/c.pem}
            apiKeyFile: /nonexistent/keys
            console: {passwordFile: /nonexistent/passwords}
            tokenFile: /nonexistent/tokens
            history: {size: -1}
            """, [:], ["MARTLET_LIMIT_PUSH_RATE": "1/s"])
        #expect(code == .configuration)
        #expect(
            lines.map { $0.replacing(#/(cannot read [^:]*): .*/#) { String($0.1) } } == [
                "MARTLET_LIMIT_PUSH_RATE: there is no such setting; did you mean MARTLET_LIMITS_PUSH_RATE?",
                "a.yaml:2: wsPath: a path begins with /, does not end with one, and has none of ?, #, %, :, *, { and }: ws",
                "a.yaml:3: pushPath: another endpoint has this path: /sse",
                "a.yaml:4: limits.pushRate: expected a rate such as 10/s, 600/m or 1000/h",
                "a.yaml:5: tls.certificate: tls.key is missing, which goes with it",
                "a.yaml:5: tls.certificate: cannot read /nonexistent/c.pem",
                "a.yaml:6: apiKeyFile: cannot read /nonexistent/keys",
                "a.yaml:7: console.passwordFile: cannot read /nonexistent/passwords",
                "a.yaml:8: tokenFile: cannot read /nonexistent/tokens",
                "a.yaml:9: history.size: expected a whole number, 0 to 1000000",
            ], "\(lines.joined(separator: "\n"))")
    }

    @Test("files that cannot be read are a matter of files")
    func files() async {
        let (code, lines) = await Self.complaint("apiKeyFile: /nonexistent/keys")
        #expect(code == .file && lines.count == 1)
        #expect(throws: ServerError.self) { try ServeSettings(file: "/nonexistent/a.yaml") }
    }

    @Test("an address that others reach needs keys, which is told when nothing else is wrong")
    func beyondLoopback() async {
        let (code, lines) = await Self.complaint("listen: :8080")
        #expect(
            code == .configuration && lines.count == 1 && lines[0].hasPrefix("a.yaml:1: listen: 0.0.0.0:8080 can be"))
        #expect(await Self.complaint("listen: :8080\nretry: soon").lines.count == 1)
    }

    @Test("a mapping tls without files does not mean no TLS", arguments: ["tls: {}", "tls:", "tls:\n  # key: a"])
    func emptyTLS(text: String) async {
        #expect(
            await Self.complaint(text).lines == ["a.yaml:1: tls: tls.certificate and tls.key are missing"])
    }

    // MARK: Access

    @Test("of the ways to check tokens, one place may name only one")
    func ways() async {
        #expect(
            await Self.complaint("tokenFile: a\njwt: {keyFile: b}").lines.contains {
                $0.hasSuffix("tokenFile and jwt.keyFile exclude each other")
            })
        #expect(
            await Self.complaint("jwks: {url: 'http://127.0.0.1/'}\njwt: {algorithm: HS256}").lines
                == ["a.yaml:2: jwt.algorithm: the algorithm is for a secret or a key; keys of a set name their own"])
        #expect(
            await Self.complaint("jwt: {issuer: a}").lines
                == ["a.yaml:1: jwt.issuer: there is no key that tokens could be checked with"])
        #expect(
            await Self.complaint("jwks: {url: 'ftp://a'}").lines == [
                "a.yaml:1: jwks.url: ftp://a is no http or https URL"
            ])
        #expect(await Self.complaint("tokenFile: a", ["jwks.url": ["http://127.0.0.1/"]]).lines == [])
    }

    @Test(
        "a section that means to check tokens, and has nothing to check them with, is a mistake",
        arguments: ["jwt: {}", "jwt:\n  # keyFile: a", "jwks:", "auth: {timeout: 3s}", "auth: {}"])
    func lonely(text: String) async {
        let (_, lines) = await Self.complaint(text)
        #expect(
            lines.count == 1
                && lines[0].hasSuffix(
                    text.hasPrefix("auth") ? "auth.url is missing" : "there is no key that tokens could be checked with"
                ), "\(lines)")
        #expect(await Self.complaint(text, [:], ["MARTLET_JWT_SECRET": String(repeating: "x", count: 32)]).lines == [])
    }

    @Test("secrets come from the environment that is given, not from the process's")
    func secrets() async throws {
        let configuration = try await Self.configuration(
            "tokenFile: /nonexistent\napiKeyFile: /nonexistent", [:],
            ["MARTLET_API_KEY": "key", "MARTLET_JWT_SECRET": String(repeating: "x", count: 32)])
        #expect(configuration.apiKeys != nil && configuration.hooks.authenticate != nil)
    }

    @Test(
        "null is no user, no file and no origin", arguments: ["anonymousUser: null", "apiKeyFile: ~", "origin: [null]"])
    func null(text: String) async {
        let (_, lines) = await Self.complaint(text)
        #expect(lines.count == 1 && lines[0].hasSuffix("expected a value, not null"), "\(lines)")
    }

    // MARK: Reloading

    @Test("settings that are not live are known when they differ")
    func fixed() throws {
        let old = try Self.settings("log: {level: debug}\nwsPath: /a")
        let new = try Self.settings("log: {format: json}\nwsPath: /b\nretry: 1s")
        #expect(new.fixedDifferences(from: old) == ["wsPath", "log.level", "log.format"])
    }
}
