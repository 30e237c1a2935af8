import ArgumentParser
import MartletConfiguration
import MartletHTTP
import NIOCore
import Testing

@testable import martlet

@Suite("Commands")
struct CommandTests {
    /// The message for somebody who types a command wrongly.
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

    @Test("a proxy says where requests go, and mistakes on the command line are a matter of usage")
    func proxy() throws {
        let proxy = try Proxy.parse(["--to", "http://a:1", "--listen", ":80", "--drain-timeout", "0"])
        #expect(proxy.options.flags == ["to": ["http://a:1"], "listen": [":80"], "drainTimeout": ["0"]])
        #expect(try Proxy.parse(["--config", "a.yaml", "--check", "--drain-time", "2m"]).check)
        for (arguments, expected) in [
            (["--to", "http://a", "--drain-time", "soon"], "--drain-time: expected a time"),
            (["--to", "http://a", "--listen", "80"], "--listen: expected an address and a port"),
            ([], "--to URL says where requests go; or use --config FILE"),
            (["--check"], "--to URL says where requests go"), (["--to", "ftp://a"], "--to: expected a URL"),
            (["--to", "http://a", "--drain-timeout", "soon"], "--drain-timeout: expected a time"),
            (["--to", "http://a", "--nonsense"], "Unknown option '--nonsense'"),
            (["--to", "http://a", "--access-log-format", "json"], "--access-log-format: accessLog.file is missing"),
        ] {
            #expect(Self.complaint(Proxy.self, arguments)?.contains(expected) == true, "\(arguments)")
        }
    }

    @Test("an echo server has paths, limits, and both halves of TLS or none")
    func echo() throws {
        #expect(try Echo.parse([]).options.flags.isEmpty)
        let echo = try Echo.parse(["--path", "/a", "--path", "/b", "--heartbeat", "1s", "--compress"])
        #expect(echo.options.flags == ["path": ["/a", "/b"], "heartbeat": ["1s"], "compress": ["true"]])
        for (arguments, expected) in [
            (["--path", "a"], "--path: a path begins with /: a"),
            (["--limits-message-size", "0"], "--limits-message-size: expected a size from 1 to 1024GiB"),
            (["--limits-fragments", "0"], "--limits-fragments: expected a whole number"),
            (["--max-fragments", "0"], "--max-fragments: expected a whole number"),
            (["--tls-certificate", "a"], "--tls-certificate: tls.key is missing"),
            (["--tls-key", "a"], "--tls-key: tls.certificate is missing"), (["--origin", "a"], "a is no origin"),
            (["--context-takeover"], "--context-takeover: it needs compress"),
        ] {
            #expect(Self.complaint(Echo.self, arguments)?.contains(expected) == true, "\(arguments)")
        }
    }

    // MARK: serve

    @Test("what is not said is no setting, and what is said several times is a list of those that are lists")
    func unsaid() throws {
        let serve = try Serve.parse([])
        #expect(serve.listening.flags.isEmpty && serve.access.flags.isEmpty && serve.limits.flags.isEmpty)
        #expect(
            try Serve.parse(["--origin", "https://a", "--origin", "*"]).listening.flags == [
                "origin": ["https://a", "*"]
            ])
        #expect(try Serve.parse(["--listen", ":1", "--listen", ":2"]).listening.flags == ["listen": [":1", ":2"]])
        #expect(try Serve.parse(["--ws-path", "/a", "--ws-path", "/b"]).listening.flags == ["wsPath": ["/b"]])
        #expect(try Serve.parse(["--open"]).listening.flags == ["open": ["true"]])
        #expect(Self.complaint(Serve.self, ["--listen", ""])?.contains("--listen: expected an address") == true)
    }
}
