import MartletHTTP
import NIOCore

/// An `AnswerWriter` writes whole answers past the pipeline's encoder, as one buffer, and to the kernel at once when nothing waits
/// to be written.
struct AnswerWriter {
    private var socket: DirectSocket?
    /// Answers that NIO has not written to the end: nothing may be sent past them.
    var pendingWrites = 0

    /// - Returns: what the kernel did not take, for NIO to write; `nil` when it took everything.
    mutating func write(
        _ answer: RequestEndpoint.Answer, keepsAlive: Bool, isSecure: Bool, _ now: NIODeadline,
        _ context: ChannelHandlerContext
    ) -> ByteBuffer? {
        let loop = LoopContext.current(context.eventLoop)
        let start = loop.output.writerIndex
        answer.write(keepsAlive: keepsAlive, date: loop.date.text(now), to: &loop.output)
        let length = loop.output.writerIndex - start
        // Something before the socket may change what is written, or wait to be written.
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
