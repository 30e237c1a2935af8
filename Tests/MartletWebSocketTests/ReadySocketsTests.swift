import MartletProtocol
import NIOCore
import NIOPosix
import Testing

@testable import MartletWebSocket

@Suite("Ready sockets", .timeLimit(.minutes(1)))
struct ReadySocketsTests {
    /// The server's side of one connection, for tests: what ``MartletPush`` does for each message.
    private final class Subscriber: WebSocketHandler {
        let opened: @Sendable (NIOLoopBound<Subscriber>) -> Void
        let onText: (WebSocket) -> Void
        var socket: WebSocket?
        var place: ReadySockets.Place = -1

        init(
            onText: @escaping (WebSocket) -> Void = { _ in },
            _ opened: @escaping @Sendable (NIOLoopBound<Subscriber>) -> Void
        ) {
            self.onText = onText
            self.opened = opened
        }

        func opened(_ socket: WebSocket) {
            self.socket = socket
            self.place = socket.takeReadyPlace()?.place ?? -1
            self.opened(NIOLoopBound(self, eventLoop: socket.eventLoop))
        }

        func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) { self.onText(socket) }
        func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) {}

        var isReady: Bool { self.socket!.loop.ready.isReady(self.place) }

        /// Publishes in the way of a loop over many connections.
        ///
        /// - Returns: whether it was sent without asking the connection itself.
        @discardableResult
        func publish(_ texts: String...) -> Bool {
            guard let socket = self.socket else { return false }
            var batch = PreparedBatch()
            for text in texts { batch.append(text: text) }
            guard let ready = socket.loop.readySockets, ready.mayTake(batch.frames, batch.count) else {
                #expect(socket.send(batch) == batch.count)
                return false
            }
            var wasReady = false
            ready.distribute(batch.frames, messages: batch.count) { frames in
                guard let sent = ready.send(frames, to: self.place) else {
                    #expect(socket.send(batch) == batch.count)
                    return 0
                }
                wasReady = true
                guard sent < frames.count else { return 1 }
                socket.finish(batch, behind: sent)
                return 0
            }
            return wasReady
        }
    }

    /// Serves one connection whose server's side is given to `body` on its event loop, each time that it is asked.
    private static func serve(
        configuration: WebSocketConfiguration = .init(),
        onText: @escaping @Sendable (WebSocket) -> Void = { _ in },
        _ body:
            @escaping @Sendable (
                _ client: WebSocketConnection,
                _ onServer: (@escaping @Sendable (Subscriber) -> Void) async throws -> Void
            ) async throws -> Void
    ) async throws {
        let (opened, continuation) = AsyncStream.makeStream(of: NIOLoopBound<Subscriber>.self)
        try await Loopback.serve(configuration: configuration) { server in
            server.route(
                "/",
                endpoint: WebSocketEndpoint(configuration: configuration) { _, _ in
                    Subscriber(onText: onText) { continuation.yield($0) }
                })
        } _: { url, client in
            try await client.connect(to: url) { socket in
                var iterator = opened.makeAsyncIterator()
                let subscriber = await iterator.next()!
                try await body(socket) { work in
                    try await subscriber.eventLoop.submit { work(subscriber.value) }.get()
                }
            }
        }
    }

    @Test("the first batch goes through the connection, the next ones past it, and all arrive in order")
    func order() async throws {
        try await Self.serve { client, onServer in
            try await onServer { subscriber in
                #expect(!subscriber.publish("0"))
                for number in 1..<100 { #expect(subscriber.publish("\(number)")) }
            }
            var messages = client.messages.makeAsyncIterator()
            for number in 0..<100 { #expect(try await messages.next() == .text("\(number)")) }
        }
    }

    @Test("what the kernel does not take goes out in order, and nothing passes it")
    func backlog() async throws {
        var configuration = WebSocketConfiguration()
        configuration.outboundQueueLimit = 64 << 20
        let filler = String(repeating: "x", count: 1 << 16)
        let count = Shared(0)
        try await Self.serve(configuration: configuration) { client, onServer in
            try await onServer { subscriber in
                subscriber.publish("0 " + filler)
                while subscriber.isReady, count.value < 500 {  // 32 MiB: more than any kernel keeps here
                    count.increment()
                    subscriber.publish("\(count.value) " + filler)
                }
                #expect(subscriber.socket!.bufferedAmount > 0, "the kernel must be full")
                for _ in 0..<5 {
                    count.increment()
                    #expect(!subscriber.publish("\(count.value) " + filler), "nothing may pass what waits")
                }
            }
            var messages = client.messages.makeAsyncIterator()
            for number in 0...count.value {
                guard case .text(let text)? = try await messages.next() else {
                    Issue.record("the end came too early")
                    return
                }
                #expect(text.prefix { $0 != " " } == "\(number)")
            }
            try await onServer { subscriber in
                #expect(!subscriber.publish("again"))
                #expect(subscriber.publish("and again"))
            }
            #expect(try await messages.next() == .text("again"))
            #expect(try await messages.next() == .text("and again"))
        }
    }

    @Test("a connection that closes, or sends a message part by part, is not ready")
    func notReady() async throws {
        try await Self.serve { client, onServer in
            try await onServer { subscriber in
                let socket = subscriber.socket!
                subscriber.publish("0")
                #expect(subscriber.isReady)
                let part = Array("part".utf8)
                _ = socket.send(MessagePart(kind: .text, isFirst: true, isLast: false), part.span.bytes)
                #expect(!subscriber.isReady)
                _ = socket.send(MessagePart(kind: .text, isFirst: false, isLast: true), part.span.bytes)
                #expect(!subscriber.publish("1") && subscriber.isReady)
                socket.close(.normalClosure)
                #expect(!subscriber.isReady)
                #expect(socket.takeReadyPlace() == nil)
            }
            var messages = client.messages.makeAsyncIterator()
            for text in ["0", "partpart", "1"] { #expect(try await messages.next() == .text(text)) }
        }
    }

    @Test("what a handler has sent in a read is not passed by what is published in the same read")
    func corked() async throws {
        let isPassable = Shared(true)
        try await Self.serve(onText: { socket in
            socket.send(text: "answer")
            isPassable.set(socket.loop.readySockets != nil)
        }) { client, onServer in
            try await onServer { $0.publish("0") }
            try await client.send(text: "question")
            var messages = client.messages.makeAsyncIterator()
            #expect(try await messages.next() == .text("0"))
            #expect(try await messages.next() == .text("answer"))
            #expect(!isPassable.value)
        }
    }

    @Test("the place of a connection that ended is not given away while a batch is on its way")
    func placesAreNotReused() {
        let ready = ReadySockets(metrics: LoopMetrics(eventLoop: MultiThreadedEventLoopGroup.singleton.any()))
        let first = ready.take(queueLimit: 100)
        var batch = PreparedBatch()
        batch.append(text: "for the first connection")
        ready.distribute(batch.frames, messages: batch.count) { _ in
            ready.giveBack(first)
            let other = ready.take(queueLimit: 100)
            #expect(other != first)
            #expect(!ready.isReady(first) && !ready.isReady(other))
            return 0
        }
        #expect(ready.take(queueLimit: 100) == first)
    }

    @Test("several messages that do not fit into the shortest queue go one by one")
    func queueLimit() {
        let ready = ReadySockets(metrics: LoopMetrics(eventLoop: MultiThreadedEventLoopGroup.singleton.any()))
        _ = ready.take(queueLimit: 1000)
        _ = ready.take(queueLimit: 100)
        var batch = PreparedBatch()
        batch.append(text: String(repeating: "x", count: 200))
        #expect(ready.mayTake(batch.frames, batch.count), "one message is always taken when nothing waits")
        batch.append(text: "y")
        #expect(!ready.mayTake(batch.frames, batch.count))
    }
}
