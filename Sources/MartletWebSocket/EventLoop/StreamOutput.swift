import MartletProtocol
package import NIOCore

/// The output of a connection that carries bytes without frames, such as server-sent events: past NIO's pipeline while
/// nothing waits, through it otherwise. It is used on its event loop.
package final class StreamOutput {
    private let context: ChannelHandlerContext
    private let loop: LoopContext
    /// The socket for sending past the pipeline; `nil` if the pipeline changes the bytes, as TLS does.
    private let socket: DirectSocket?
    private let queueLimit: Int
    /// Whether the bytes that wait are counted here, since the channel does not.
    private let countsBytes: Bool
    private var place: ReadySockets.Place?
    /// The number of writes that NIO has not finished.
    private var waiting = 0
    /// The bytes that NIO has not sent, where the channel is a stream of HTTP/2, which does not count them.
    package private(set) var waitingBytes = 0
    private var hasEnded = false

    /// - Parameters:
    ///   - isPlainTCP: whether no handler between this one and the socket changes the bytes.
    ///   - isSocket: whether the channel is a socket, and not a stream of HTTP/2.
    ///   - queueLimit: the most bytes that may wait.
    package init(context: ChannelHandlerContext, isPlainTCP: Bool, isSocket: Bool, queueLimit: Int) {
        self.context = context
        self.loop = LoopContext.current(context.eventLoop)
        self.socket = isPlainTCP && isSocket ? DirectSocket(context.channel) : nil
        self.countsBytes = !isSocket
        self.queueLimit = queueLimit
    }

    /// Whether as many bytes wait as may.
    package var isFull: Bool {
        self.countsBytes ? self.waitingBytes >= self.queueLimit : !self.context.channel.isWritable
    }

    /// Writes the first bytes, after everything that NIO has to send on the connection. They are sent with the next
    /// bytes, or with ``flush()``.
    package func begin(_ bytes: ByteBuffer) {
        if let done = self.willWriteThroughPipeline(0) {
            self.context.write(NIOAny(bytes)).whenComplete(done)
        } else {
            self.context.write(NIOAny(bytes), promise: nil)
        }
    }

    package func flush() { self.context.flush() }

    private func writeThroughPipeline(_ bytes: ByteBuffer) {
        if let done = self.willWriteThroughPipeline(bytes.readableBytes) {
            self.context.writeAndFlush(NIOAny(bytes)).whenComplete(done)
        } else {
            self.context.writeAndFlush(NIOAny(bytes), promise: nil)
        }
    }

    /// - Returns: a function to call when the write has finished; `nil` if nobody has to know.
    private func willWriteThroughPipeline(_ count: Int) -> (@Sendable (Result<Void, any Error>) -> Void)? {
        guard self.socket != nil else {
            guard self.countsBytes else { return nil }
            self.waitingBytes += count
            let bound = NIOLoopBound(self, eventLoop: self.context.eventLoop)
            return { _ in bound.value.waitingBytes -= count }
        }
        self.waiting += 1
        if let place = self.place { self.loop.ready.clear(place) }
        let bound = NIOLoopBound(self, eventLoop: self.context.eventLoop)
        return { result in
            bound.value.waiting -= 1
            // After a failure the descriptor may be closed already.
            if case .success = result { bound.value.fillPlace() }
        }
    }

    /// Sends bytes.
    package func write(_ bytes: ByteBuffer) {
        guard !self.hasEnded else { return }
        guard let socket = self.socket, self.waiting == 0 else { return self.writeThroughPipeline(bytes) }
        self.finish(bytes, behind: bytes.withUnsafeReadableBytes { socket.send($0) })
    }

    /// Sends the rest of bytes.
    ///
    /// - Parameter sent: how many of them the kernel took.
    package func finish(_ bytes: ByteBuffer, behind sent: Int) {
        guard sent < bytes.readableBytes, !self.hasEnded else { return }
        var rest = bytes
        rest.moveReaderIndex(forwardBy: sent)
        self.writeThroughPipeline(rest)
    }

    /// The connection's slot among the ``ReadySockets`` of its loop; `nil` if it can never have one.
    package func takeReadyPlace() -> (loop: LoopContext, place: ReadySockets.Place)? {
        guard self.socket != nil, !self.hasEnded else { return nil }
        let place = self.place ?? self.loop.ready.take(queueLimit: self.queueLimit)
        self.place = place
        self.fillPlace()
        return (self.loop, place)
    }

    /// Ends the output; to be called at the first sign of the connection's end, since its descriptor may soon be
    /// reused.
    package func end() {
        self.hasEnded = true
        guard let place = self.place else { return }
        self.place = nil
        self.loop.ready.giveBack(place)
    }

    private func fillPlace() {
        guard let place = self.place, let socket = self.socket, self.waiting == 0, !self.hasEnded else { return }
        self.loop.ready.fill(place, socket.descriptor)
    }
}
