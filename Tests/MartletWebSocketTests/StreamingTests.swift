import MartletProtocol
import MartletTesting
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Streams of chunks, in memory", .timeLimit(.minutes(1)))
struct StreamingTests {
    static func large(_ count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    }

    static let roomy: WebSocketConfiguration = {
        var configuration = WebSocketConfiguration()
        configuration.limits = MessageLimits(maximumMessageSize: 64 << 20)
        return configuration
    }()

    static func compressing(takeover: Bool) -> WebSocketConfiguration {
        var configuration = Self.roomy
        var compression = CompressionConfiguration()
        compression.allowsContextTakeover = takeover
        configuration.compression = compression
        return configuration
    }

    @Test(
        "what a writer writes piece by piece is read chunk by chunk, with every kind of compression",
        arguments: [nil, false, true] as [Bool?])
    func writerToReader(_ takeover: Bool?) async throws {
        let configuration = takeover.map(Self.compressing) ?? Self.roomy
        let pair = try await WebSocketPair.inMemory(server: configuration, client: configuration)
        #expect((pair.client.compression != nil) == (takeover != nil))
        let whole = Self.large(3_000_000)
        async let written: Void = {
            for _ in 0..<2 {
                try await pair.client.withMessageWriter(.binary) { writer in
                    var rest = whole
                    while let piece = rest.readSlice(length: min(100_000, rest.readableBytes)), piece.readableBytes > 0
                    {
                        try await writer.write(piece)
                    }
                }
            }
            await pair.client.close()
        }()
        var messages = 0
        for try await message in pair.server.streamedMessages {
            #expect(message.kind == .binary)
            var received = ByteBuffer()
            for try await chunk in message.chunks { received.writeImmutableBuffer(chunk) }
            #expect(received == whole)
            messages += 1
        }
        try await written
        #expect(messages == 2)
    }

    @Test("a large message is read whole although the inbound queue is smaller")
    func wholeAboveQueue() async throws {
        let pair = try await WebSocketPair.inMemory(server: Self.roomy, client: Self.roomy)
        let whole = Self.large(5_000_000)
        async let sent: Void = {
            try await pair.client.send(binary: whole)
            try await pair.client.send(text: "next")
        }()
        var messages = pair.server.messages.makeAsyncIterator()
        #expect(try await messages.next() == .binary(whole))
        #expect(try await messages.next() == .text("next"))
        try await sent
    }

    @Test("whole messages and streams may be read in turn, and a stream that is let go is skipped")
    func mixed() async throws {
        let pair = try await WebSocketPair.inMemory(server: Self.roomy, client: Self.roomy)
        async let sent: Void = {
            for index in 0..<4 {
                try await pair.client.send(binary: Self.large(300_000 + index))
                try await pair.client.send(text: "text \(index)")
            }
        }()
        var whole = pair.server.messages.makeAsyncIterator()
        var streams = pair.server.streamedMessages.makeAsyncIterator()
        #expect(try await whole.next() == .binary(Self.large(300_000)))
        #expect(try await whole.next() == .text("text 0"))
        do {
            let message = try #require(try await streams.next())
            var chunks = message.chunks.makeAsyncIterator()
            #expect(try await chunks.next() != nil)  // and no more of it
        }
        #expect(try await whole.next() == .text("text 1"))
        let stream = try #require(try await streams.next())
        var count = 0
        for try await chunk in stream.chunks { count += chunk.readableBytes }
        #expect(count == 300_002)
        #expect(try await whole.next() == .text("text 2"))
        #expect(try await whole.next() == .binary(Self.large(300_003)))
        try await sent
    }

    @Test("while one task writes a message piece by piece, the messages of others wait and pings get through")
    func noInterleaving() async throws {
        let pair = try await WebSocketPair.inMemory()
        let others = try await pair.client.withMessageWriter(.text) { writer in
            try await writer.write("first ")
            #expect(pair.client.trySend(.text("between")) == .full)
            let second = Task { try await pair.client.send(text: "second") }
            #expect(try await pair.client.ping() == .zero)
            try await writer.write("half")
            let never = Task { try await pair.client.send(text: "never") }
            never.cancel()
            await #expect(throws: CancellationError.self) { try await never.value }
            return second
        }
        try await others.value
        var messages = pair.server.messages.makeAsyncIterator()
        #expect(try await messages.next() == .text("first half"))
        #expect(try await messages.next() == .text("second"))
    }

    @Test("a writer whose body throws aborts the connection, and nobody gets half a message")
    func writerThrows() async throws {
        struct Failure: Error {}
        let pair = try await WebSocketPair.inMemory()
        await #expect(throws: Failure.self) {
            try await pair.client.withMessageWriter { writer in
                try await writer.write(Self.large(50_000))
                throw Failure()
            }
        }
        await #expect(throws: WebSocketError.self) {
            for try await message in pair.server.messages { Issue.record("got \(message)") }
        }
        #expect(await pair.server.closed().code == .abnormalClosure)
        #expect(await pair.client.closed().reason.contains("could not be written completely"))
    }

    @Test("a connection that ends in the middle of a message fails the stream")
    func truncated() async throws {
        let pair = try await WebSocketPair.inMemory(server: Self.roomy)
        try await pair.client.withMessageWriter { writer in
            try await writer.write(Self.large(20_000))
            var streams = pair.server.streamedMessages.makeAsyncIterator()
            let message = try #require(try await streams.next())
            await pair.cut()
            await #expect(throws: WebSocketError.self) { for try await _ in message.chunks {} }
        } catch: { _ in
        }
    }

    @Test("cancelling a task that waits for a chunk or for room harms nothing")
    func cancellation() async throws {
        let pair = try await WebSocketPair.inMemory(server: Self.roomy, client: Self.roomy)
        try await pair.client.withMessageWriter { writer in
            try await writer.write(Self.large(10))
            var streams = pair.server.streamedMessages.makeAsyncIterator()
            let message = try #require(try await streams.next())
            var iterator = message.chunks.makeAsyncIterator()
            #expect(try await iterator.next()?.readableBytes == 10)
            let task = Task { () -> ByteBuffer? in
                var iterator = message.chunks.makeAsyncIterator()
                return try await iterator.next()
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
            try await writer.write(Self.large(20))
            #expect(try await iterator.next()?.readableBytes == 20)
        }
        #expect(pair.client.closeInformation == nil)
    }

    @Test("bytes tunnelled through a connection keep their order and lose their borders")
    func byteStream() async throws {
        let pair = try await WebSocketPair.inMemory()
        let (client, server) = (pair.client.asByteStream, pair.server.asByteStream)
        async let written: Void = {
            for count in [1, 0, 70_000, 3] { try await client.write(Self.large(count)) }
            await client.finish()
        }()
        var received = 0
        for try await bytes in server { received += bytes.readableBytes }
        try await written
        #expect(received == 70_004)
    }
}

extension WebSocketConnection {
    /// ``withMessageWriter(_:compress:isolation:_:)`` of which a failure is expected.
    func withMessageWriter(
        _ body: (WebSocketMessageWriter) async throws -> Void, catch: (any Error) -> Void
    ) async throws {
        do { try await self.withMessageWriter(.binary, body) } catch { `catch`(error) }
    }
}
