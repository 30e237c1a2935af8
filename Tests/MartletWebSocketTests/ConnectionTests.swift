import HTTPTypes
import MartletProtocol
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Async tier, server and client", .timeLimit(.minutes(1)))
struct ConnectionTests {
    private static func echo(_ server: WebSocketServer) {
        server.route("/echo", subprotocols: ["v1"]) { _, socket in
            for try await message in socket.messages { try await socket.send(message) }
        }
    }

    @Test("messages of every length come back as they were, text and binary")
    func echo() async throws {
        try await Loopback.serve(Self.echo) { url, client in
            let end = try await client.connect(to: url + "/echo", subprotocols: ["v2", "v1"]) { socket in
                #expect(socket.subprotocol == "v1")
                var messages = socket.messages.makeAsyncIterator()
                for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
                    let binary = ByteBuffer(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0) })
                    try await socket.send(binary: binary)
                    #expect(try await messages.next() == .binary(binary))
                }
                try await socket.send(text: "grüße 😀")
                #expect(try await messages.next() == .text("grüße 😀"))
                #expect(try await socket.ping() > .zero)
            }
            #expect(end.code == .normalClosure && end.isClean && end.initiator == .local)
        }
    }

    @Test("leaving the handler closes with 1000, throwing with 1011")
    func handlerEnds() async throws {
        struct Failure: Error {}
        try await Loopback.serve { server in
            server.route("/returns") { _, _ in }
            server.route("/throws") { _, _ in throw Failure() }
        } _: { url, client in
            for (path, code) in [("/returns", 1000), ("/throws", 1011)] as [(String, UInt16)] {
                let end = try await client.connect(to: url + path) { for try await _ in $0.messages {} }
                #expect(end.code.rawValue == code)
                #expect(end.initiator == .remote)
            }
        }
    }

    @Test("a message above the limit ends the connection with 1009")
    func tooBig() async throws {
        try await Loopback.serve(Self.echo) { url, client in
            let end = try await client.connect(to: url + "/echo") { socket in
                try await socket.send(binary: ByteBuffer(repeating: 0, count: 1 << 20 | 1))
                for try await _ in socket.messages {}
            }
            #expect(end.code == .messageTooBig)
        }
    }

    @Test("the authorize hook sees the request and its refusal reaches the client")
    func authorize() async throws {
        try await Loopback.serve { server in
            server.route(
                "/private",
                authorize: { request in
                    request.head.headerFields[.authorization] == "secret"
                        ? .allow : .refuse(.unauthorized, reason: "no secret")
                }
            ) { _, socket in try await socket.send(text: "welcome") }
        } _: { url, client in
            let error = await #expect(throws: WebSocketError.self) {
                try await client.connect(to: url + "/private") { _ in }
            }
            #expect(error?.code == .handshakeFailed)
            #expect(error?.handshakeFailure?.status == 401)
            #expect(error?.reason.contains("no secret") == true)
            try await client.connect(to: url + "/private", headerFields: [.authorization: "secret"]) { socket in
                for try await message in socket.messages { #expect(message == .text("welcome")) }
            }
        }
    }

    @Test("the errors of connecting say what is wrong")
    func connectErrors() async throws {
        try await Loopback.serve(Self.echo) { url, client in
            let cases: [(String, WebSocketError.Code)] = [
                ("http://127.0.0.1/", .invalidURL), ("ws://", .invalidURL), ("ws://a/#b", .invalidURL),
                ("nonsense", .invalidURL),
                (url + "/missing", .handshakeFailed), ("ws://127.0.0.1:1/", .connectFailed),
            ]
            for (url, code) in cases {
                let error = await #expect(throws: WebSocketError.self) { try await client.connect(to: url) { _ in } }
                #expect(error?.code == code, "\(url)")
            }
        }
    }

    @Test("messages of ten tasks do not mix, and each task's keep their order")
    func concurrentSenders() async throws {
        try await Loopback.serve(Self.echo) { url, client in
            try await client.connect(to: url + "/echo") { socket in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<10 {
                        group.addTask {
                            for number in 0..<100 {
                                try await socket.send(
                                    text: "\(sender) \(number) " + String(repeating: "x", count: number * 20))
                            }
                        }
                    }
                    group.addTask {
                        var next = [Int](repeating: 0, count: 10)
                        var messages = socket.messages.makeAsyncIterator()
                        for _ in 0..<1000 {
                            guard case .text(let text)? = try await messages.next() else { break }
                            let parts = text.split(separator: " ", omittingEmptySubsequences: false)
                            let (sender, number) = (Int(parts[0])!, Int(parts[1])!)
                            #expect(number == next[sender])
                            #expect(parts[2].count == number * 20)
                            next[sender] = number + 1
                        }
                        #expect(next == [Int](repeating: 100, count: 10))
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("a sender waits while the peer does not read, and all arrives in order once it does")
    func backpressure() async throws {
        let sent = Shared(0)
        let (mayRead, letRead) = AsyncStream.makeStream(of: Void.self)
        let (stalled, didStall) = AsyncStream.makeStream(of: Void.self)
        try await Loopback.serve { server in
            server.route("/read-late") { _, socket in
                for await _ in mayRead { break }
                var count = 0
                for try await message in socket.messages {
                    guard case .binary(let bytes) = message else { continue }
                    #expect(bytes.getInteger(at: 0, as: Int.self) == count)
                    count += 1
                    if count == 1000 { return }
                }
            }
        } _: { url, client in
            try await client.connect(to: url + "/read-late") { socket in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 0..<1000 {
                            var bytes = ByteBuffer(integer: number)
                            bytes.writeRepeatingByte(7, count: 32 * 1024)
                            if socket.trySend(.binary(bytes)) != .sent {
                                didStall.yield()
                                try await socket.send(binary: bytes)
                            }
                            sent.increment()
                        }
                    }
                    // 32 MB are more than two kernels' buffers and both queues hold.
                    for await _ in stalled { break }
                    letRead.yield()
                    try await group.waitForAll()
                }
                for try await _ in socket.messages {}
            }
            #expect(sent.value == 1000)
        }
    }

    @Test("cancelling a task that waits for a message loses none and harms nothing")
    func cancelReceive() async throws {
        try await Loopback.serve(Self.echo) { url, client in
            try await client.connect(to: url + "/echo") { socket in
                let waiting = Task {
                    var messages = socket.messages.makeAsyncIterator()
                    return try await messages.next()
                }
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                try await socket.send(text: "still here")
                var messages = socket.messages.makeAsyncIterator()
                #expect(try await messages.next() == .text("still here"))
            }
        }
    }

    @Test("a peer that closes is told to the sender at once, not when the TCP connection ends")
    func sendWhileClosing() async throws {
        try await Loopback.serve { server in
            server.route("/closes") { _, socket in await socket.close(CloseCode(4000)) }
        } _: { url, client in
            let end = try await client.connect(to: url + "/closes") { socket in
                for try await _ in socket.messages {}
                await #expect(throws: WebSocketError.self) {
                    while true { try await socket.send(text: "anybody there?") }
                }
                #expect(socket.trySend(.text("no")) == .closed)
            }
            #expect(end.code.rawValue == 4000)
        }
    }

    @Test("many pings at once are all answered, and a cancelled one harms nothing")
    func pings() async throws {
        try await Loopback.serve(Self.echo) { url, client in
            try await client.connect(to: url + "/echo") { socket in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<50 { group.addTask { _ = try await socket.ping() } }
                    try await group.waitForAll()
                }
                let cancelled = Task { try await socket.ping() }
                cancelled.cancel()
                _ = await cancelled.result
                #expect(try await socket.ping() > .zero)
            }
        }
    }

    @Test("asking for the address of a server that could not listen fails, early or late")
    func bindFails() async throws {
        try await Loopback.serve(Self.echo) { url, _ in
            let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
            let server = WebSocketServer(configuration: .init(port: port), logger: Loopback.quiet)
            let error = await #expect(throws: WebSocketError.self) { try await server.run() }
            #expect(error?.code == .bindFailed)
            await #expect(throws: WebSocketError.self) { try await server.localAddress }
        }
    }

    @Test("JSON goes out as text and comes in as values; anything else is an error")
    func json() async throws {
        struct Point: Codable, Equatable { var x: Int }
        try await Loopback.serve(Self.echo) { url, client in
            try await client.connect(to: url + "/echo") { socket in
                try await socket.send(json: Point(x: 1))
                try await socket.send(text: "no point")
                var points = socket.messages(as: Point.self).makeAsyncIterator()
                #expect(try await points.next() == Point(x: 1))
                let error = await #expect(throws: WebSocketError.self) { try await points.next() }
                #expect(error?.code == .invalidMessage)
            }
        }
    }

    @Test("a server that shuts down tells its clients 1001 and returns when they are gone")
    func drain() async throws {
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let end = Shared<WebSocketCloseInformation?>(nil)
        try await Loopback.serve { server in
            server.route("/echo") { _, socket in
                open.yield()
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { url, client in
            Task {
                end.set(try await client.connect(to: url + "/echo") { for try await _ in $0.messages {} })
                open.finish()
            }
            for await _ in opened { break }
        }
        for await _ in opened {}
        #expect(end.value?.code == .goingAway)
    }

    @Test("what a short write leaves over goes out in order: 32 MiB to a client that starts to read late")
    func shortWrite() async throws {
        final class Flood: WebSocketHandler {
            private let sawBacklog: @Sendable () -> Void
            private var sent = 0

            init(sawBacklog: @escaping @Sendable () -> Void) { self.sawBacklog = sawBacklog }

            func opened(_ socket: WebSocket) {
                #expect(socket.directSocket != nil, "plain TCP is sent to directly")
                self.drained(socket)
            }

            func drained(_ socket: WebSocket) {
                while self.sent < 32 {
                    var bytes = ByteBuffer(integer: self.sent)
                    bytes.writeRepeatingByte(UInt8(self.sent), count: (1 << 20) - 8)
                    guard socket.send(binary: bytes) == .sent else { return }
                    self.sent += 1
                    if socket.bufferedAmount > 0 { self.sawBacklog() }
                }
                socket.close()
            }

            func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {}
        }
        let backlogs = Shared(0)
        try await Loopback.serve { server in
            server.route(
                "/flood",
                endpoint: WebSocketEndpoint { _, _ in
                    Flood { backlogs.increment() }
                })
        } _: { url, client in
            try await client.connect(to: url + "/flood") { socket in
                var count = 0
                for try await message in socket.messages {
                    guard case .binary(let bytes) = message else { continue }
                    var expected = ByteBuffer(integer: count)
                    expected.writeRepeatingByte(UInt8(count), count: (1 << 20) - 8)
                    #expect(bytes == expected)
                    count += 1
                }
                #expect(count == 32)
            }
        }
        #expect(backlogs.value > 0, "the test must meet a short write")
    }
}
