import Foundation
import HTTPTypes
import MartletProtocol
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Client", .timeLimit(.minutes(1)))
struct ClientTests {
    /// Serves `/who`, which returns the received authorization and cookies, and refuses with what `answers` says.
    private static func serve(
        _ answers: [String: WebSocketAuthorization],
        _ body: @escaping @Sendable (_ url: String) async throws -> Void
    ) async throws {
        try await Loopback.serve { server in
            for (path, answer) in answers {
                server.route(path, authorize: { _ in answer }) { _, _ in }
            }
            server.route("/who") { request, socket in
                let fields = request.head.headerFields
                try await socket.send(text: "\(fields[.authorization] ?? "-") \(fields[.cookie] ?? "-")")
            }
        } _: { url, _ in
            try await body(url)
        }
    }

    private static func redirect(_ location: String, status: Int = 302) -> WebSocketAuthorization {
        .refuse(.init(code: status), reason: "elsewhere", headerFields: [.location: location])
    }

    private static func who(
        _ url: String, fields: HTTPFields = [:], _ change: (inout WebSocketClient.Configuration) -> Void = { _ in }
    ) async throws -> String? {
        var configuration = WebSocketClient.Configuration()
        change(&configuration)
        let text = Shared<String?>(nil)
        try await WebSocketClient(configuration: configuration, logger: Loopback.quiet)
            .connect(to: url, headerFields: fields) { socket in
                for try await case .text(let received) in socket.messages { text.set(received) }
            }
        return text.value
    }

    @Test("user and password of the URL become Basic credentials, and a header of one's own wins")
    func basic() async throws {
        try await Self.serve([:]) { url in
            let withUser = url.replacing("ws://", with: "ws://jack:s%20cret@") + "/who"
            let answer1 = try await Self.who(withUser)
            #expect(answer1 == "Basic \(Data("jack:s cret".utf8).base64EncodedString()) -")
            let answer2 = try await Self.who(withUser, fields: [.authorization: "Bearer t"])
            #expect(answer2 == "Bearer t -")
        }
    }

    @Test("redirects are followed only when asked for, and not for ever")
    func redirects() async throws {
        try await Self.serve(["/a": Self.redirect("/b"), "/b": Self.redirect("/who"), "/loop": Self.redirect("/loop")])
        {
            url in
            let refused = await #expect(throws: WebSocketError.self) { _ = try await Self.who(url + "/a") }
            #expect(refused?.handshakeFailure?.status == 302)
            let answer3 = try await Self.who(url + "/a") { $0.maximumRedirects = 2 }
            #expect(answer3 == "- -")
            for (path, most) in [("/a", 1), ("/loop", 20)] {
                let error = await #expect(throws: WebSocketError.self) {
                    _ = try await Self.who(url + path) { $0.maximumRedirects = most }
                }
                #expect(error?.handshakeFailure?.status == 302)
            }
        }
    }

    @Test("credentials and cookies of the caller stay with the origin that they were meant for")
    func crossOrigin() async throws {
        try await Self.serve([:]) { other in
            let port = other.split(separator: ":").last!
            try await Self.serve([
                "/away": Self.redirect("http://127.0.0.1:\(port)/who"), "/home": Self.redirect("/who", status: 307),
            ]) { url in
                let fields: HTTPFields = [.authorization: "Bearer t", .cookie: "a=b"]
                let answer4 = try await Self.who(url + "/home", fields: fields) { $0.maximumRedirects = 1 }
                #expect(answer4 == "Bearer t a=b")
                let answer5 = try await Self.who(url + "/away", fields: fields) { $0.maximumRedirects = 1 }
                #expect(answer5 == "- -")
                let user = url.replacing("ws://", with: "ws://jack:secret@")
                let answer6 = try await Self.who(user + "/away") { $0.maximumRedirects = 1 }
                #expect(answer6 == "- -")
            }
        }
    }

    @Test("a cookie that the server sets comes back to it, where it belongs")
    func cookies() async throws {
        let jar = WebSocketCookieJar()
        try await Loopback.serve { server in
            server.route(
                "/login",
                authorize: { _ in
                    .allow(headerFields: [.setCookie: "session=42; Path=/; HttpOnly"])
                }
            ) { _, _ in }
            server.route("/who") { request, socket in
                try await socket.send(text: request.head.headerFields[.cookie] ?? "-")
            }
        } _: { url, _ in
            let answer7 = try await Self.who(url + "/who") { $0.cookies = jar }
            #expect(answer7 == "-")
            _ = try await Self.who(url + "/login") { $0.cookies = jar }
            let answer8 = try await Self.who(url + "/who") { $0.cookies = jar }
            #expect(answer8 == "session=42")
        }
        let plain = try WebSocketURL("ws://example.com/a/b")
        let secure = try WebSocketURL("wss://example.com/a")
        let store = WebSocketCookieJar()
        store.store([.setCookie: "deep=1; Path=/a/b"], from: plain)
        store.store([.setCookie: "safe=2; Secure"], from: secure)
        store.store([.setCookie: "gone=3"], from: plain)
        store.store([.setCookie: "gone=; Max-Age=0"], from: plain)
        store.store([.setCookie: "forged=4; Secure"], from: plain)
        #expect(store.header(for: plain) == "deep=1")
        #expect(store.header(for: secure) == "safe=2")
        #expect(store.header(for: try WebSocketURL("ws://example.com/a/bc")) == nil)
        #expect(store.header(for: try WebSocketURL("ws://other.example/a/b")) == nil)
    }

    @Test("the environment's proxies: which, and for whom not")
    func environment() throws {
        func proxy(_ url: String, _ variables: [String: String]) throws -> WebSocketProxy? {
            try ProxyEnvironment(variables: variables).proxy(for: try WebSocketURL(url))
        }
        let all = [
            "https_proxy": "http://secure:1", "http_proxy": "plain:2", "all_proxy": "socks5://any",
            "no_proxy": "internal.example, .corp, 10.0.0.0/8,exact:8080",
        ]
        #expect(try proxy("wss://a.example", all) == .http(host: "secure", port: 1))
        #expect(try proxy("ws://a.example", all) == .http(host: "plain", port: 2))
        #expect(try proxy("ws://a.example", ["ALL_PROXY": "socks5://any"]) == .socks5(host: "any", port: 1080))
        #expect(try proxy("ws://a.example", ["HTTP_PROXY": "up:3"]) == .http(host: "up", port: 3))
        #expect(try proxy("ws://a.example", ["HTTP_PROXY": "up:3", "REQUEST_METHOD": "GET"]) == nil)
        for url in [
            "ws://localhost", "ws://127.3.2.1", "ws://[::1]", "ws://internal.example", "ws://x.internal.example",
            "ws://mail.corp", "ws://10.9.8.7", "ws://exact:8080",
        ] {
            #expect(try proxy(url, all) == nil, "\(url)")
        }
        #expect(try proxy("ws://exact:81", all) != nil)
        #expect(try proxy("ws://a.example", ["http_proxy": "x:1", "no_proxy": "*"]) == nil)
        #expect(try proxy("ws://a.example", [:]) == nil)
        #expect(throws: WebSocketError.self) { try proxy("ws://a.example", ["http_proxy": "ftp://x"]) }
        let parsed = try WebSocketProxy(url: "https://u:p%40@h")
        #expect(parsed == .https(host: "h", port: 443, credentials: .init(user: "u", password: "p@")))
    }

    @Test("an error does not show the password of a URL")
    func secretURL() {
        let error = #expect(throws: WebSocketError.self) { _ = try WebSocketURL("http://jack:secret@host/") }
        #expect(error?.description.contains("secret") == false)
    }

    @Test("a server that never answers is given up in time, whichever timeout comes first, and on cancellation")
    func timeouts() async throws {
        let silent = try await SilentServer.start()
        func connect(_ change: @escaping @Sendable (inout WebSocketClient.Configuration) -> Void) async throws {
            var configuration = WebSocketClient.Configuration()
            change(&configuration)
            try await WebSocketClient(configuration: configuration, logger: Loopback.quiet)
                .connect(to: "ws://127.0.0.1:\(silent.port)/") { _ in }
        }
        for change in [
            { @Sendable (configuration: inout WebSocketClient.Configuration) in
                configuration.handshakeTimeout = .milliseconds(50)
            }, { @Sendable configuration in configuration.totalTimeout = .milliseconds(50) },
        ] {
            let error = await #expect(throws: WebSocketError.self) { try await connect(change) }
            #expect(error?.code == .timeout)
        }
        let task = Task { try await connect { _ in } }
        await silent.nextConnection()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await silent.allClosed()
        try await silent.stop()
    }
}
