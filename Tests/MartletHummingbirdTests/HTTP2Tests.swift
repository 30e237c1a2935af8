import Hummingbird
import HummingbirdCore
import MartletHummingbird
import MartletWebSocket
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import ServiceLifecycle
import TestSupport
import Testing

@Suite("WebSocket over HTTP/2 (RFC 8441)", .timeLimit(.minutes(1)))
struct HTTP2Tests {
    /// One stream: what came, as status and bytes.
    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias OutboundOut = HTTP2Frame.FramePayload

        let events: AsyncStream<Event>.Continuation

        enum Event: Sendable {
            case head(HPACKHeaders)
            case data(ByteBuffer, isLast: Bool)
        }

        init(_ events: AsyncStream<Event>.Continuation) { self.events = events }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .headers(let headers): self.events.yield(.head(headers.headers))
            case .data(let data):
                if case .byteBuffer(let bytes) = data.data { self.events.yield(.data(bytes, isLast: data.endStream)) }
            default: break
            }
        }

        func channelInactive(context: ChannelHandlerContext) { self.events.finish() }
    }

    /// Tells when the server's settings have come: before them, no extended CONNECT may be sent.
    private final class SettingsWaiter: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        let arrived: EventLoopPromise<Bool>

        init(_ arrived: EventLoopPromise<Bool>) { self.arrived = arrived }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .settings(.settings(let settings)) = self.unwrapInboundIn(data).payload {
                self.arrived.succeed(settings.contains { $0.parameter == .enableConnectProtocol && $0.value == 1 })
            }
            context.fireChannelRead(data)
        }

        func channelInactive(context: ChannelHandlerContext) { self.arrived.fail(ChannelError.eof) }
    }

    /// A connection that speaks HTTP/2.
    private struct Client {
        let channel: any Channel
        let multiplexer: NIOHTTP2Handler.StreamMultiplexer

        static func connect(_ port: Int, _ tls: TLSConfiguration) async throws -> Client {
            var tls = tls
            tls.applicationProtocols = ["h2"]
            let context = try NIOSSLContext(configuration: tls)
            let group = MultiThreadedEventLoopGroup.singleton.next()
            let arrived = group.makePromise(of: Bool.self)
            let ready = group.makePromise(of: NIOHTTP2Handler.StreamMultiplexer.self)
            let channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                        ready.succeed(
                            try pipeline.configureHTTP2Pipeline(
                                mode: .client, connectionConfiguration: .init(), streamConfiguration: .init()
                            ) { $0.eventLoop.makeSucceededVoidFuture() })
                        try pipeline.addHandler(SettingsWaiter(arrived))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            let multiplexer = try await ready.futureResult.get()
            #expect(try await arrived.futureResult.get())
            return Client(channel: channel, multiplexer: multiplexer)
        }

        func open(_ headers: HPACKHeaders, endStream: Bool = false) async throws -> Stream {
            let (events, continuation) = AsyncStream.makeStream(of: Recorder.Event.self)
            let stream = try await self.multiplexer.createStreamChannel { stream in
                stream.eventLoop.makeCompletedFuture {
                    try stream.pipeline.syncOperations.addHandler(Recorder(continuation))
                }
            }.get()
            try await stream.writeAndFlush(
                HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: endStream)))
            return Stream(channel: stream, events: events)
        }

        func webSocket(_ path: String, _ more: [(String, String)] = [], version: String = "13") async throws -> Stream {
            try await self.open(
                HPACKHeaders(
                    [
                        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", path),
                        (":authority", "localhost"), ("sec-websocket-version", version),
                    ] + more))
        }
    }

    private final class Stream {
        let channel: any Channel
        let events: AsyncStream<Recorder.Event>
        private var bytes = ByteBuffer()

        init(channel: any Channel, events: AsyncStream<Recorder.Event>) {
            self.channel = channel
            self.events = events
        }

        func head() async -> HPACKHeaders? {
            for await case .head(let headers) in self.events { return headers }
            return nil
        }

        func send(_ bytes: ByteBuffer, endStream: Bool = false) async throws {
            try await self.channel.writeAndFlush(
                HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(bytes), endStream: endStream)))
        }

        /// Frames until the stream ends or `count` have come.
        func frames(_ count: Int) async -> [(opcode: Opcode, payload: [UInt8])] {
            var frames: [(Opcode, [UInt8])] = []
            var iterator = self.events.makeAsyncIterator()
            while true {
                while frames.count < count,
                    case .header(let header, let length) = self.bytes.withUnsafeReadableBytes({
                        FrameHeader.decode($0, role: .client)
                    }), self.bytes.readableBytes >= length + header.payloadLength
                {
                    self.bytes.moveReaderIndex(forwardBy: length)
                    frames.append((header.opcode, self.bytes.readBytes(length: header.payloadLength) ?? []))
                }
                guard frames.count < count, let event = await iterator.next() else { return frames }
                if case .data(let data, _) = event { self.bytes.writeImmutableBuffer(data) }
            }
        }
    }

    private static func frame(_ opcode: Opcode, _ payload: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        payload.withUnsafeBytes { _ = buffer.writeFrame(opcode, maskingKey: 0x0102_0304, payload: $0) }
        return buffer
    }

    private static func serve(
        _ router: Router<BasicRequestContext>, _ body: @escaping @Sendable (Client) async throws -> Void
    ) async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        let server = try HTTPServerBuilder.http2WebSocket(
            router: router, tlsConfiguration: try certificates.serverTLS("server"))
        try await Served.run(router, server) { port, services in
            let client = try await Client.connect(port, certificates.clientTLS)
            try await body(client)
            await services.triggerGracefulShutdown()
            try await client.channel.closeFuture.get()
        }
    }

    @Test("streams of one connection are WebSockets and plain requests side by side")
    func sideBySide() async throws {
        try await Self.serve(RouterTests.router()) { client in
            let socket = try await client.webSocket("/echo/jill", [("sec-websocket-protocol", "v0, v1")])
            let other = try await client.webSocket("/echo/jack")
            let head = try #require(await socket.head())
            #expect(head.first(name: ":status") == "200")
            #expect(head.first(name: "sec-websocket-protocol") == "v1")
            #expect(head.first(name: "sec-websocket-accept") == nil)
            #expect(head.first(name: "server") == "guarded")
            #expect(await socket.frames(1).map(\.payload) == [Array("hello jill".utf8)])
            #expect(await other.head()?.first(name: ":status") == "200")
            #expect(await other.frames(1).map(\.payload) == [Array("hello jack".utf8)])

            let plain = try await client.open(
                HPACKHeaders([
                    (":method", "GET"), (":scheme", "https"), (":path", "/plain"), (":authority", "localhost"),
                ]), endStream: true)
            #expect(await plain.head()?.first(name: ":status") == "200")

            let large = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
            try await socket.send(Self.frame(.binary, large))
            var received: [UInt8] = []
            while received.count < large.count { received += await socket.frames(1).flatMap(\.payload) }
            #expect(received == large)
            try await socket.send(Self.frame(.ping, [1, 2]))
            let pong = await socket.frames(1)
            #expect(pong.map(\.opcode) == [.pong] && pong.map(\.payload) == [[1, 2]])

            try await socket.send(Self.frame(.close, [0x03, 0xE8]), endStream: true)
            #expect(await socket.frames(1).map(\.opcode) == [.close])
            // A stream whose client just ends it is over as well.
            try await other.send(ByteBuffer(), endStream: true)
            for await _ in other.events {}
        }
    }

    @Test("refusals have a status and a reason, and the connection lives on")
    func refusals() async throws {
        try await Self.serve(RouterTests.router()) { client in
            for (path, fields, version, status) in [
                ("/missing", [], "13", "404"), ("/private/chat", [], "13", "401"),
                ("/echo/x", [("origin", "https://evil.example")], "13", "403"), ("/echo/x", [], "12", "426"),
            ] as [(String, [(String, String)], String, String)] {
                let stream = try await client.webSocket(path, fields, version: version)
                #expect(await stream.head()?.first(name: ":status") == status, "\(path)")
                try await stream.send(ByteBuffer(), endStream: true)
                for await _ in stream.events {}
            }
            let fine = try await client.webSocket("/private/chat", [("authorization", "secret")])
            #expect(await fine.head()?.first(name: ":status") == "200")
            #expect(await fine.frames(1).map(\.payload) == [Array("in".utf8)])
            try await fine.send(Self.frame(.close, [0x03, 0xE8]), endStream: true)
        }
    }
}
