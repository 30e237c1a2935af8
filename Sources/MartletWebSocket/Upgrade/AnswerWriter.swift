import MartletHTTP
import NIOCore

/// An `AnswerWriter` writes whole answers past the pipeline's encoder, as one buffer, and to the kernel at once if
/// nothing waits to be written.
struct AnswerWriter {
    private var socket: DirectSocket?
    /// The number of answers that NIO has not completely written: nothing may be sent past them.
    var pendingWrites = 0

    /// - Returns: the bytes that the kernel did not take, for NIO to write; `nil` if it took everything.
    mutating func write(
        _ answer: RequestEndpoint.Answer, keepsAlive: Bool, isSecure: Bool, _ now: NIODeadline,
        _ context: ChannelHandlerContext
    ) -> ByteBuffer? {
        let loop = LoopContext.current(context.eventLoop)
        let start = loop.output.writerIndex
        answer.write(keepsAlive: keepsAlive, date: loop.date.text(now), to: &loop.output)
        let length = loop.output.writerIndex - start
        // A handler before the socket may change the bytes, or have bytes that wait to be written.
        if !isSecure, self.pendingWrites == 0, self.socket == nil { self.socket = DirectSocket(context.channel) }
        let socket = !isSecure && self.pendingWrites == 0 ? self.socket : nil
        let sent = loop.output.withUnsafeReadableBytes { bytes in
            socket?.send(UnsafeRawBufferPointer(rebasing: bytes.suffix(length))) ?? 0
        }
        let rest = sent < length ? ByteBuffer(bytes: loop.output.readableBytesView.suffix(length - sent)) : nil
        loop.output.moveWriterIndex(to: start)
        return rest
    }
}
