import Foundation
import Logging
import MartletHTTP
import NIOCore
import Testing

@testable import MartletProxy

/// The tests of ``DirectHandshake`` on a reactor of its own: what becomes a tunnel, and what NIO gets of everything
/// else.
@Suite("A handshake beside NIO")
struct DirectHandshakeTests {
    private static let request = """
        GET /ws?a=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
        """
    private static let answer = """
        HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n
        """
    /// Text "hi", masked with zeros, and without a mask.
    private static let masked: [UInt8] = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]
    private static let unmasked: [UInt8] = [0x81, 0x02, 0x68, 0x69]

    /// A client, a handshake, and the servers that it may try.
    private final class Setup: Sendable {
        let client: BlockingSocket
        private let upstreams: [BlockingSocket]
        let core: ProxyCore
        private let reactor: TunnelReactor
        private let givenUp = Box<AcceptedConnection?>(nil)
        private let hasGivenUp = DispatchSemaphore(value: 0)
        private let handshake = Box<DirectHandshake?>(nil)

        final class Box<Value>: @unchecked Sendable {
            var value: Value
            init(_ value: Value) { self.value = value }
        }

        /// - Parameter servers: whether each listens, or refuses connections; the first is ``upstream``.
        init(servers: [Bool] = [true], _ change: (inout RouteConfiguration) -> Void = { _ in }) throws {
            let upstreams = try servers.map { try BlockingSocket.bound(listens: $0) }
            let endpoints: [UpstreamConfiguration.Endpoint] = try upstreams.map {
                .init(url: try #require(UpstreamURL("http://127.0.0.1:\($0.port)")))
            }
            self.upstreams = upstreams.map(\.0)
            let listener = ListenerConfiguration(address: try #require(ListenAddress("127.0.0.1:1")))
            var configuration = ProxyConfiguration()
            configuration.listeners = [listener]
            configuration.upstreams = ["app": UpstreamConfiguration(endpoints: endpoints)]
            var route = RouteConfiguration(upstream: "app")
            change(&route)
            configuration.routes = [route]
            self.reactor = try TunnelReactor(name: "test")
            self.core = ProxyCore(
                try Routing(configuration, previous: nil), accessLog: nil, reactors: [self.reactor],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            _ = self.core.connections.admit(atMost: 1)
            let (client, descriptor) = try BlockingSocket.pair()
            self.client = client
            let peer = try SocketAddress(ipAddress: "192.0.2.7", port: 1)
            let context = DirectContext(
                core: self.core, listener: listener, limits: ClientConfiguration(), connectionLimit: 10
            ) { [givenUp, hasGivenUp] connection in
                givenUp.value = connection
                hasGivenUp.signal()
            }
            self.reactor.run { [handshake] reactor in
                let one = DirectHandshake(
                    client: descriptor, peer: peer, context: context, reactor: reactor, now: TunnelReactor.now())
                handshake.value = one
                one.start()
            }
        }

        deinit {
            self.reactor.stop()
            if let left = self.givenUp.value {
                close(left.descriptor)
                left.begun?.upstream?.close()
            }
        }

        var upstream: BlockingSocket { self.upstreams[0] }

        /// Returns the connection that NIO is given.
        func left() throws -> AcceptedConnection {
            try #require(self.hasGivenUp.wait(timeout: .now() + 10) == .success, "nothing was left to NIO")
            return try #require(self.givenUp.value)
        }

        /// Does something on the reactor's thread, behind everything that it knows of.
        func onReactor(_ body: @escaping @Sendable (DirectHandshake) -> Void = { _ in }) {
            let done = DispatchSemaphore(value: 0)
            self.reactor.run { [handshake] _ in
                if let handshake = handshake.value { body(handshake) }
                done.signal()
            }
            done.wait()
        }

        var isLeft: Bool { self.givenUp.value != nil }
        var tunnelCount: Int { self.reactor.count }

        /// The next server's connection, once the request is there.
        func accept() throws -> (BlockingSocket, head: String) {
            let connection = try self.upstream.accept()
            return (connection, try connection.readHead())
        }
    }

    // MARK: Tunnels

    @Test(
        "a flawless request and a flawless answer make a tunnel, with the first server that can be reached",
        arguments: [[true], [true, false, false]])
    func tunnel(servers: [Bool]) throws {
        let setup = try Setup(servers: servers)
        try setup.client.send(Self.request)
        let (server, head) = try setup.accept()
        #expect(head.hasPrefix("GET /ws?a=1 HTTP/1.1\r\n"))
        #expect(head.lowercased().contains("x-forwarded-for: 192.0.2.7\r\n"))
        try server.send(Array(Self.answer.utf8) + Self.unmasked)
        #expect(try setup.client.readHead().hasPrefix("HTTP/1.1 101 "))
        #expect(try setup.client.read(4) == Self.unmasked)
        try setup.client.send(Self.masked)
        #expect(try server.read(8) == Self.masked)
        setup.onReactor()
        #expect(setup.tunnelCount == 1)
        #expect(!setup.isLeft)
        #expect(setup.core.connections.value == 1)
    }

    @Test("an answer may come byte by byte")
    func slowAnswer() throws {
        let setup = try Setup()
        try setup.client.send(Self.request)
        let (server, _) = try setup.accept()
        for byte in Self.answer.utf8 {
            try server.send([byte])
            setup.onReactor()
        }
        #expect(try setup.client.readHead().hasPrefix("HTTP/1.1 101 "))
    }

    // MARK: What is left to NIO

    @Test(
        "anything unusual goes to NIO as it came, and no server sees it",
        arguments: [
            ("GET /", "POST /"), ("HTTP/1.1", "HTTP/1.0"), ("HTTP/1.1", "HTTP/1.2"), ("\r\n\r\n", "\r\n"),
            ("\r\n\r\n", "\r\n\r\nmore"), ("Host: example.com", "Host: a\r\nHost: b"), ("Host: example.com\r\n", ""),
            ("Host: example.com", "Host: a b"), ("Host: example.com", "Host:example.com "),
            ("Host: example.com", "Host: example.com\r\n folded"), ("Host: example.com\r\n", "Host: example.com\n"),
            ("Upgrade: websocket", "Upgrade: h2c"), ("Connection: Upgrade", "Connection: close"),
            ("Version: 13", "Version: 8"), ("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"),
            ("Version: 13", "Version: 13\r\nContent-Length: 0"),
            ("Version: 13", "Version: 13\r\nTransfer-Encoding: chunked"),
            ("Version: 13", "Version: 13\r\nX: \(String(repeating: "x", count: 8192))"), ("GET", "\u{16}\u{3}\u{1}"),
            ("/ws", "*"), ("/ws", "/a/%2e%2e/%zz"),
        ])
    func unusual(old: String, new: String) throws {
        let setup = try Setup()
        let request = Self.request.replacing(old, with: new)
        #expect(request != Self.request)
        try setup.client.send(request)
        let left = try setup.left()
        #expect(left.received.elementsEqual(request.utf8))
        #expect(left.begun == nil)
        #expect(left.isAdmitted)
        #expect(left.peer?.ipAddress == "192.0.2.7")
        #expect(setup.upstream.hasNoConnection)
        #expect(setup.tunnelCount == 0)
        #expect(setup.core.connections.value == 1)
    }

    @Test("a route that asks for a token, or is not this one, goes to NIO")
    func routes() throws {
        let token = try Setup { $0.webSocket.authenticate = .init(userHeader: nil) { _ in nil } }
        try token.client.send(Self.request)
        #expect(try token.left().begun == nil)
        let elsewhere = try Setup { $0.path = "/other/" }
        try elsewhere.client.send(Self.request)
        #expect(try elsewhere.left().begun == nil)
        #expect(token.upstream.hasNoConnection && elsewhere.upstream.hasNoConnection)
    }

    @Test(
        "another answer goes to NIO with the connection that it came over, and the server is asked once",
        arguments: [
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.1 103 Early Hints\r\n\r\n",
            "HTTP/1.0 101 \r\n\r\n",
            "nonsense",
            DirectHandshakeTests.answer.replacing("s3pP", with: "xxxx"),
            DirectHandshakeTests.answer.replacing("websocket", with: "h2c"),
            DirectHandshakeTests.answer.replacing("Connection: Upgrade", with: "Connection: close"),
            DirectHandshakeTests.answer.replacing("\r\n\r\n", with: "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
            DirectHandshakeTests.answer.replacing("\r\n\r\n", with: "\r\nContent-Length: 3\r\n\r\nabc"), "",
        ])
    func refusals(answer: String) throws {
        let setup = try Setup()
        try setup.client.send(Self.request)
        let (server, _) = try setup.accept()
        if !answer.isEmpty { try server.send(answer) }
        server.endOutput()
        let left = try setup.left()
        #expect(left.received.elementsEqual(Self.request.utf8))
        let begun = try #require(left.begun)
        #expect(begun.tried.isEmpty)
        let upstream = try #require(begun.upstream)
        #expect(upstream.received.elementsEqual(answer.utf8))
        #expect(setup.upstream.hasNoConnection)
        // The connection is still open: NIO goes on with it.
        try withExtendedLifetime(setup) {
            try BlockingSocket(descriptor: dup(upstream.descriptor)).send("x")
            #expect(try server.read(1) == Array("x".utf8))
        }
    }

    @Test("when no server can be reached NIO is told which ones were tried")
    func unreachable() throws {
        let setup = try Setup(servers: [false, false])
        try setup.client.send(Self.request)
        let begun = try #require(try setup.left().begun)
        #expect(begun.tried.count == 2)
        #expect(begun.upstream == nil)
        #expect(!begun.isTimeout)
    }

    // MARK: Ends

    @Test("a client that ends before its request does no harm", arguments: [false, true])
    func silence(saysSomething: Bool) throws {
        let setup = try Setup()
        if saysSomething {
            try setup.client.send("GET")
            let left = try setup.left()
            #expect(left.received.elementsEqual("GET".utf8))
            return
        }
        setup.client.endOutput()
        #expect(try setup.client.read(1).isEmpty)
        setup.onReactor()
        #expect(!setup.isLeft)
        #expect(setup.core.connections.value == 0)
    }

    @Test("a client that leaves while its server thinks takes the server's connection with it")
    func clientLeaves() throws {
        let setup = try Setup()
        try setup.client.send(Self.request)
        let (server, _) = try setup.accept()
        setup.client.endOutput()
        #expect(try server.read(1).isEmpty)
        setup.onReactor()
        #expect(!setup.isLeft)
        #expect(setup.core.connections.value == 0)
        #expect(setup.tunnelCount == 0)
    }

    @Test("a client that sends no request in time gets no answer")
    func requestTimeout() throws {
        let setup = try Setup()
        setup.onReactor { $0.tick(TunnelReactor.now() + 1_000_000_000) }
        #expect(setup.core.connections.value == 1)
        setup.onReactor { $0.tick(TunnelReactor.now() + 3_600_000_000_000) }
        #expect(try setup.client.read(1).isEmpty)
        #expect(setup.core.connections.value == 0)
        #expect(!setup.isLeft)
    }

    @Test("a server that does not answer in time is reported by NIO")
    func answerTimeout() throws {
        let setup = try Setup()
        try setup.client.send(Self.request)
        let (server, _) = try setup.accept()
        setup.onReactor { $0.tick(TunnelReactor.now() + 3_600_000_000_000) }
        let begun = try #require(try setup.left().begun)
        #expect(begun.upstream != nil)
        #expect(begun.startedAt <= TunnelReactor.now())
        withExtendedLifetime(server) {}
    }

    @Test("a proxy that shuts down waits for no request, and for every answer")
    func draining() throws {
        let idle = try Setup()
        idle.onReactor { $0.drain() }
        #expect(try idle.client.read(1).isEmpty)
        #expect(idle.core.connections.value == 0)
        let busy = try Setup()
        try busy.client.send(Self.request)
        let (server, _) = try busy.accept()
        busy.onReactor { $0.drain() }
        try server.send(Self.answer)
        #expect(try busy.client.readHead().hasPrefix("HTTP/1.1 101 "))
    }

    @Test("the end of the thread ends both connections")
    func stopping() throws {
        let setup = try Setup()
        try setup.client.send(Self.request)
        let (server, _) = try setup.accept()
        setup.onReactor { $0.stop() }
        #expect(try setup.client.read(1).isEmpty)
        #expect(try server.read(1).isEmpty)
        #expect(setup.core.connections.value == 0)
    }
}
