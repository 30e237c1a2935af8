import ArgumentParser
import MartletConfiguration
import MartletHTTP
import NIOCore
import Testing

@testable import martlet

@Suite("Commands")
struct CommandTests {
    /// What is said to whoever types it wrongly.
    private static func complaint<Command: ParsableArguments>(_ type: Command.Type, _ arguments: [String]) -> String? {
        do {
            _ = try Command.parse(arguments)
            return nil
        } catch {
            return Command.message(for: error)
        }
    }

    // MARK: connect

    @Test("a connection has one other end")
    func ends() throws {
        let connect = try Connect.parse(["ws://a/", "--ping-interval", "250ms", "--header", "A: 1", "-H", "B:2"])
        #expect(connect.url == "ws://a/" && connect.listen == nil && connect.pingInterval == .milliseconds(250))
        #expect(connect.header == ["A: 1", "B:2"] && connect.timeout == .seconds(30))
        #expect(try Connect.parse(["--listen", "[::1]:80"]).listen == ListenAddress(host: "::1", port: 80))
        #expect(Self.complaint(Connect.self, []) == "give either a URL or --listen")
        #expect(Self.complaint(Connect.self, ["ws://a/", "--listen", ":80"]) == "give either a URL or --listen")
    }

    @Test(
        "options that do not go together are refused",
        arguments: [
            (["--binary", "--base64"], "--binary and --base64 exclude each other"),
            (["--cert", "a"], "--cert and --key go together"),
            (["--key", "a"], "--cert and --key go together"),
            (["--max-message-size", "0"], "--max-message-size must be above 0"),
            (["--max-redirects=-1"], "--max-redirects at least 0"), (["--ping-interval", "0s"], "0s is no duration"),
            (["--timeout", "soon"], "soon is no duration"), (["--every", "-1s"], "is no duration"),
            (["--log-level", "loud"], "loud"),
        ])
    func exclusive(options: [String], expected: String) {
        let options = options.first == "--every" ? ["--every=-1s"] : options
        #expect(Self.complaint(Connect.self, ["ws://a/"] + options)?.contains(expected) == true)
    }

    @Test(
        "a header has a name and a value that may stand in one",
        arguments: [
            ("A: 1", nil), ("A:1", nil), ("A:", nil), ("A: a:b", nil), ("A: ä", nil), ("A", "A is no header"),
            ("", "is no header"),
            (": 1", "is no header"), ("A B: 1", "is no header"), ("A : 1", "is no header"), ("Ä: 1", "is no header"),
            ("A: 1\r\nB: 2", "the value of A has characters that no header may have"),
            ("A: 1\n2", "characters that no header may have"),
            ("A: \0", "characters that no header may have"), ("A\r\nB: 1", "is no header"),
        ] as [(String, String?)])
    func headers(header: String, expected: String?) {
        let complaint = Self.complaint(Connect.self, ["ws://a/", "-H", header])
        #expect((complaint == nil) == (expected == nil))
        if let expected { #expect(complaint?.contains(expected) == true, "\(complaint ?? "")") }
    }

    @Test("the origin is anything for a client, and an origin for a server")
    func origin() {
        #expect(Self.complaint(Connect.self, ["ws://a/", "--origin", "null"]) == nil)
        #expect(Self.complaint(Connect.self, ["--listen", ":80", "--origin", "https://a.example"]) == nil)
        #expect(Self.complaint(Connect.self, ["--listen", ":80", "--origin", "*"]) == nil)
        #expect(
            Self.complaint(Connect.self, ["--listen", ":80", "--origin", "a.example"])?.contains("is no origin") == true
        )
    }

    // MARK: push

    @Test("a message says whom it is for and what about, and a file says so itself")
    func push() throws {
        #expect(try Push.parse(["--user", "1", "--event", "e", "m"]).message == "m")
        #expect(try Push.parse(["--user", "1", "--event", "e"]).message == nil)
        #expect(try Push.parse(["--file", "-"]).timeout == .seconds(10))
        for arguments in [
            [], ["--user", "1"], ["--event", "e"], ["--user", "", "--event", "e"], ["--user", "1", "--event", "", "m"],
        ] {
            #expect(Self.complaint(Push.self, arguments)?.hasPrefix("--user and --event are needed") == true)
        }
        for arguments in [["--user", "1"], ["--event", "e"], ["m"], ["--user", ""]] {
            #expect(
                Self.complaint(Push.self, ["--file", "a"] + arguments)
                    == "--file excludes --user, --event and a message: its lines name them")
        }
    }

    // MARK: check-config

    @Test("a file is for one of two commands")
    func checkConfig() throws {
        #expect(try CheckConfig.parse(["a.yaml"]).kind == nil)
        #expect(try CheckConfig.parse(["a.yaml", "--for", "proxy"]).kind == .proxy)
        #expect(try CheckConfig.parse(["--for", "serve", "a.yaml"]).file == "a.yaml")
        #expect(Self.complaint(CheckConfig.self, ["a.yaml", "--for", "push"]) != nil)
        #expect(Self.complaint(CheckConfig.self, []) != nil)
    }

    // MARK: proxy, echo

    @Test("a proxy has a file, or says where requests go")
    func proxy() throws {
        let proxy = try Proxy.parse(["--to", "http://a:1", "--listen", ":80", "--drain-timeout", "0"])
        #expect(proxy.listen == ListenAddress(host: "0.0.0.0", port: 80) && proxy.to != nil)
        #expect(try Proxy.parse(["--config", "a.yaml", "--check", "--drain-timeout", "2m"]).check)
        for (arguments, expected) in [
            ([], "--to URL says where requests go; or use --config FILE"),
            (["--check"], "--to URL says where requests go"),
            (["--to", "http://a", "--check"], "--check needs --config FILE"),
            (["--config", "a", "--to", "http://a"], "--config takes the place of --listen and --to"),
            (["--config", "a", "--listen", ":80"], "--config takes the place of --listen and --to"),
            (["--to", "http://a", "--drain-timeout", "soon"], "soon is no duration"),
            (["--to", "http://a", "--listen", "80"], "80"), (["--to", "ftp://a"], "ftp://a"),
        ] {
            #expect(Self.complaint(Proxy.self, arguments)?.contains(expected) == true, "\(arguments)")
        }
    }

    @Test("an echo server has paths, limits, and both halves of TLS or none")
    func echo() throws {
        #expect(try Echo.parse([]).listen == ListenAddress(host: "127.0.0.1", port: 8080))
        #expect(try Echo.parse(["--path", "/a", "--path", "/b", "--heartbeat", "1s"]).path == ["/a", "/b"])
        for (arguments, expected) in [
            (["--path", "a"], "a path begins with /: a"), (["--max-message-size", "0"], "must be above 0"),
            (["--max-fragments", "0"], "must be above 0"),
            (["--tls-cert", "a"], "--tls-cert and --tls-key go together"),
            (["--tls-key", "a"], "--tls-cert and --tls-key go together"), (["--origin", "a"], "a is no origin"),
        ] {
            #expect(Self.complaint(Echo.self, arguments)?.contains(expected) == true, "\(arguments)")
        }
    }

    // MARK: serve

    /// An option takes a value, or is there or not.
    private static let options: [(path: String, isFlag: Bool)] =
        [
            "listen", "tls.certificate", "tls.key", "trustedProxies", "wsPath", "pushPath", "ssePath", "pollPath",
            "console.enabled", "console.passwordFile", "origin",
            "history.size", "history.age", "retry", "heartbeat", "drain.delay", "drain.time", "log.level", "log.format",
            "limits.connections", "limits.connectionsPerAddress", "limits.connectionRate", "limits.connectionBurst",
            "limits.sessionsPerUser", "limits.eventsPerSession", "limits.messageRate", "limits.messageBurst",
            "limits.pushRate", "limits.pushBurst", "limits.bodySize", "limits.queueSize", "limits.slowClients",
            "apiKeyFile", "tokenFile", "jwt.secretFile", "jwt.keyFile", "jwks.file", "jwks.url", "jwt.algorithm",
            "jwt.issuer", "jwt.audience", "auth.url", "auth.timeout", "anonymousUser",
        ].map { ($0, false) } + ["reusePort", "open", "jwt.requireExpiry"].map { ($0, true) }

    private static func flags(_ arguments: [String]) -> [String: [String]] {
        func flags<Options: ParsableArguments>(_ type: Options.Type, _ flags: (Options) -> [String: [String]])
            -> [String: [String]]
        {
            (try? Options.parse(arguments)).map(flags) ?? [:]
        }
        let all = [
            flags(ListeningOptions.self) { $0.flags }, flags(AccessOptions.self) { $0.flags },
            flags(LimitOptions.self) { $0.flags }, flags(BehaviorOptions.self) { $0.flags },
        ]
        return all.reduce(into: [:]) { $0.merge($1) { $0 + $1 } }
    }

    @Test(
        "each option of the command line is the key of a file, under the name that the key gives it", arguments: options
    )
    func settings(path: String, isFlag: Bool) {
        let name = ConfigurationOverrides.flag(of: path)
        #expect(Self.flags(isFlag ? [name] : [name, "x"]) == [path: [isFlag ? "true" : "x"]])
    }

    @Test("what is not said is no setting, and what is said several times is a list of those that are lists")
    func unsaid() throws {
        #expect(try ListeningOptions.parse([]).flags.isEmpty && AccessOptions.parse([]).flags.isEmpty)
        #expect(try LimitOptions.parse([]).flags.isEmpty && BehaviorOptions.parse([]).flags.isEmpty)
        #expect(Self.flags(["--origin", "a", "--origin", "b"]) == ["origin": ["a", "b"]])
        #expect(Self.flags(["--listen", "a", "--listen", "b"]) == ["listen": ["b"]])
        #expect(Self.flags(["--listen", ""]) == ["listen": [""]], "an empty value is one")
        #expect(
            [String: [String]].settings(
                ["a": "1", "b": nil], lists: ["c": ["x", "y"], "d": []], flags: ["e": true, "f": false])
                == ["a": ["1"], "c": ["x", "y"], "e": ["true"]])
    }
}
