import Foundation
import HTTPTypes
import MartletProtocol
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Server", .timeLimit(.minutes(1)))
struct ServerTests {
    private static let client = WebSocketClient(logger: Loopback.quiet)

    private static func firstText(_ url: String, _ client: WebSocketClient = client, fields: HTTPFields = [:])
        async throws
        -> String?
    {
        let text = Shared<String?>(nil)
        try await client.connect(to: url, headerFields: fields) { socket in
            for try await case .text(let received) in socket.messages { text.set(received) }
        }
        return text.value
    }

    @Test("several listeners, one of them a Unix domain socket, serve the same routes")
    func listeners() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString).sock")
            .path(percentEncoded: false)
        let listeners: [WebSocketServer.Listener] = [
            .tcp(host: "127.0.0.1", port: 0), .unix(path: path), .tcp(host: "::1", port: 0),
        ]
        try await Loopback.serve(WebSocketServer.Configuration(listeners: listeners)) { server in
            server.route("/who") { request, socket in
                try await socket.send(text: request.clientAddress ?? "somebody on a socket")
            }
        } _: { addresses in
            #expect(addresses.count == 3)
            let answer1 = try await Self.firstText("ws://127.0.0.1:\(addresses[0].port!)/who")
            #expect(answer1 == "127.0.0.1")
            let answer2 = try await Self.firstText("ws://[::1]:\(addresses[2].port!)/who")
            #expect(answer2 == "::1")
            let answer3 = try await Self.firstText("ws://localhost:\(addresses[0].port!)/who")
            #expect(answer3 == "127.0.0.1")
            var configuration = WebSocketClient.Configuration()
            configuration.unixSocketPath = path
            let client = WebSocketClient(configuration: configuration, logger: Loopback.quiet)
            let answer4 = try await Self.firstText("ws://anything/who", client)
            #expect(answer4 == "somebody on a socket")
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("an address that is taken is an error that names it, and no listener stays open")
    func bindFails() async throws {
        try await Loopback.serve(WebSocketServer.Configuration(port: 0)) { _ in
        } _: { addresses in
            let port = addresses[0].port!
            let server = WebSocketServer(
                configuration: .init(listeners: [.tcp(host: "127.0.0.1", port: 0), .tcp(host: "127.0.0.1", port: port)]
                ),
                logger: Loopback.quiet)
            let error = await #expect(throws: WebSocketError.self) { try await server.run() }
            #expect(error?.code == .bindFailed && error?.reason.contains("\(port)") == true)
        }
    }

    @Test("a route has its own limits, and the server's preference chooses the subprotocol")
    func perRoute() async throws {
        var small = WebSocketConfiguration()
        small.limits = MessageLimits(maximumMessageSize: 10)
        try await Loopback.serve(WebSocketServer.Configuration(port: 0)) { [small] server in
            server.route("/small", subprotocols: ["v2", "v1"], configuration: small) { _, socket in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { addresses in
            let url = "ws://127.0.0.1:\(addresses[0].port!)/small"
            let end = try await Self.client.connect(to: url, subprotocols: ["v1", "v2"]) { socket in
                #expect(socket.subprotocol == "v2")
                try await socket.send(text: "more than ten bytes")
                for try await _ in socket.messages {}
            }
            #expect(end.code == .messageTooBig)
        }
    }

    @Test("beyond the limit of connections a client gets 503, beyond that of its address 429, and room again later")
    func limits() async throws {
        var configuration = WebSocketServer.Configuration(port: 0)
        let limits = ConnectionLimiter(total: 3, perAddress: 2)
        configuration.limits = limits
        try await Loopback.serve(configuration) { server in
            server.route("/wait") { _, socket in for try await _ in socket.messages {} }
        } _: { addresses in
            let url = "ws://127.0.0.1:\(addresses[0].port!)/wait"
            let one = try await Self.client.open(url, subprotocols: [], headerFields: [:])
            let two = try await Self.client.open(url, subprotocols: [], headerFields: [:])
            let third = await #expect(throws: WebSocketError.self) { try await Self.client.connect(to: url) { _ in } }
            #expect(third?.handshakeFailure?.status == 429)
            #expect(third?.retryAfter == .seconds(1))
            // A keep-alive connection that was refused is still open until it ends.
            while limits.count > 2 { await Task.yield() }
            // One that says nothing makes room, once its first request has had its time.
            let raw = try await RawConnection.open(addresses[0])
            while limits.count < 3 { await Task.yield() }
            var fourth: WebSocketError?
            repeat {
                fourth = await #expect(throws: WebSocketError.self) { try await Self.client.connect(to: url) { _ in } }
            } while fourth?.handshakeFailure?.status != 429
            #expect(limits.madeRoom >= 1)
            try? await raw.close()
            await one.close()
            while limits.count > 1 { await Task.yield() }
            try await Self.client.connect(to: url) { _ in }
            await two.close()
        }
    }

    @Test("where all connections are WebSockets there is no room, and a client gets 503")
    func full() async throws {
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.limits = ConnectionLimiter(total: 2)
        try await Loopback.serve(configuration) { server in
            server.route("/wait") { _, socket in for try await _ in socket.messages {} }
        } _: { addresses in
            let url = "ws://127.0.0.1:\(addresses[0].port!)/wait"
            let one = try await Self.client.open(url, subprotocols: [], headerFields: [:])
            let two = try await Self.client.open(url, subprotocols: [], headerFields: [:])
            let third = await #expect(throws: WebSocketError.self) { try await Self.client.connect(to: url) { _ in } }
            #expect(third?.handshakeFailure?.status == 503)
            await one.close()
            await two.close()
        }
    }

    @Test("X-Forwarded headers count only from trusted peers, and only the last stranger in the chain")
    func forwarded() async throws {
        let forged: HTTPFields = [
            .xForwardedFor: "6.6.6.6, 203.0.113.7, 10.1.2.3", .xForwardedProto: "https",
            .xForwardedHost: "public.example", .origin: "https://public.example",
        ]
        for trusted in [true, false] {
            var configuration = WebSocketServer.Configuration(port: 0)
            configuration.trustedProxies =
                trusted ? TrustedProxies([IPNetwork("127.0.0.0/8")!, IPNetwork("10.0.0.0/8")!]) : .none
            try await Loopback.serve(configuration) { server in
                server.route("/who") { request, socket in
                    try await socket.send(text: "\(request.clientAddress ?? "-") \(request.isSecure)")
                }
            } _: { addresses in
                let url = "ws://127.0.0.1:\(addresses[0].port!)/who"
                if trusted {
                    let answer5 = try await Self.firstText(url, fields: forged)
                    #expect(answer5 == "203.0.113.7 true")
                } else {
                    // The page's origin is not this host: refused.
                    let error = await #expect(throws: WebSocketError.self) {
                        _ = try await Self.firstText(url, fields: forged)
                    }
                    #expect(error?.handshakeFailure?.status == 403)
                    var fields = forged
                    fields[.origin] = nil
                    let answer6 = try await Self.firstText(url, fields: fields)
                    #expect(answer6 == "127.0.0.1 false")
                }
            }
        }
    }

    @Test(
        "networks contain what they should",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.0/31", "192.0.2.1", true), ("192.0.2.0/31", "192.0.2.2", false), ("0.0.0.0/0", "1.2.3.4", true),
            ("2001:db8::/32", "2001:db8:1::5", true), ("2001:db8::/32", "2001:db9::1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::/0", "1.2.3.4", false),
        ])
    func networks(_ network: String, _ address: String, _ isInside: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(address) == isInside)
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "host", "::/129", "10.0.0.0/8/8"] {
            #expect(IPNetwork(wrong) == nil)
        }
    }
}
