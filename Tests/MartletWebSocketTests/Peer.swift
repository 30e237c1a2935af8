import MartletWebSocket
import NIOCore
import NIOEmbedded

@testable import MartletWebSocket

/// Notes the events of one connection, and does what the test wants on a message.
final class RecordingHandler: WebSocketHandler {
    var messages: [String] = []
    var pongs = 0
    var drains = 0
    var closes: [WebSocketCloseInformation] = []
    var onMessage: (WebSocket, MessageKind, RawSpan) -> Void = { _, _, _ in }

    func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) {
        self.messages.append(payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        self.onMessage(socket, kind, payload)
    }

    func receivedPong(_ payload: RawSpan, on socket: WebSocket) { self.pongs += 1 }

    func drained(_ socket: WebSocket) { self.drains += 1 }

    func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) { self.closes.append(information) }

    static func echoing() -> RecordingHandler {
        let handler = RecordingHandler()
        handler.onMessage = { socket, kind, payload in socket.send(kind, payload) }
        return handler
    }
}

/// Holds writes back until the test releases them: a peer that does not read.
final class WriteGate: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var isOpen = true
    private var held: [(NIOAny, EventLoopPromise<Void>?)] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if self.isOpen { context.write(data, promise: promise) } else { self.held.append((data, promise)) }
    }

    func open(_ context: ChannelHandlerContext) {
        self.isOpen = true
        let held = self.held
        self.held = []
        for (data, promise) in held { context.writeAndFlush(data, promise: promise) }
    }
}

/// A server's connection without a socket, in time that the test moves; the test is the client.
struct Peer {
    let channel = EmbeddedChannel()
    let gate = WriteGate()
    let handler: RecordingHandler
    let socket: WebSocket

    init(
        _ handler: RecordingHandler = RecordingHandler(),
        configuration: WebSocketConfiguration = .init(),
        role: Role = .server,
        loop: LoopContext? = nil
    ) throws {
        self.handler = handler
        self.socket = WebSocket(
            role: role, configuration: configuration, isPlainTCP: true, handler: handler,
            eventLoop: self.channel.eventLoop, loop: loop ?? LoopContext(eventLoop: self.channel.eventLoop))
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try self.channel.pipeline.syncOperations.addHandlers(self.gate, self.socket)
    }

    var time: EmbeddedEventLoop { self.channel.embeddedEventLoop }

    /// Ends the TCP connection. An embedded channel knows no half-closure and may have done so itself.
    func disconnect() { _ = try? self.channel.close().wait() }

    /// Sends frames of the client in one TCP segment.
    func receive(_ frames: ByteBuffer...) throws {
        try self.channel.writeInbound(frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) })
    }

    /// A frame as a client sends it.
    static func frame(_ opcode: Opcode, _ payload: [UInt8] = []) -> ByteBuffer {
        var buffer = ByteBuffer()
        payload.withUnsafeBytes { _ = buffer.writeFrame(opcode, maskingKey: 0x0403_0201, payload: $0) }
        return buffer
    }

    static func text(_ text: String) -> ByteBuffer { Self.frame(.text, Array(text.utf8)) }

    static func close(_ code: UInt16) -> ByteBuffer { Self.frame(.close, [UInt8(code >> 8), UInt8(code & 0xFF)]) }

    func openGate() throws { self.gate.open(try self.channel.pipeline.syncOperations.context(handler: self.gate)) }

    /// Returns what the server has written: one element for each write.
    func writes() throws -> [ByteBuffer] {
        var writes: [ByteBuffer] = []
        while let write = try self.channel.readOutbound(as: ByteBuffer.self) { writes.append(write) }
        return writes
    }

    /// Returns what the server has written as frames: opcode and payload.
    func frames() throws -> [(opcode: Opcode, payload: [UInt8])] {
        var bytes = try self.writes().reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        var frames: [(Opcode, [UInt8])] = []
        while bytes.readableBytes > 0 {
            let result = bytes.withUnsafeReadableBytes { FrameHeader.decode($0, role: .client) }
            guard case .header(let header, let length) = result else { break }
            bytes.moveReaderIndex(forwardBy: length)
            frames.append((header.opcode, bytes.readBytes(length: header.payloadLength) ?? []))
        }
        return frames
    }

    func texts() throws -> [String] {
        try self.frames().filter { $0.opcode == .text }.map { String(decoding: $0.payload, as: UTF8.self) }
    }
}
