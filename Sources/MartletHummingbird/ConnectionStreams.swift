import MartletHTTP
import MartletWebSocket
import NIOCore
import NIOHTTP2

/// The streams of an HTTP/2 connection, and what concerns all of them: it passes events on that reach only the
/// connection, tells the connection's place what is under way, and ends a connection that has no stream for long. It is
/// the last handler of the connection.
final class ConnectionStreams: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    /// The time from GOAWAY to the end of a connection on which nothing is under way.
    private static let patience = TimeAmount.seconds(10)

    let place: ConnectionPlace?
    /// The gate before the HTTP side, on a server that counts its connections.
    let gate: StreamGate?
    private let channel: any Channel
    private let idleTimeout: TimeAmount?
    private var streams: [ObjectIdentifier: any Channel] = [:]
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - firstTimeout: the time in which the first stream must begin.
    ///   - idleTimeout: the time that the connection may have no stream; `nil` for no limit.
    init(_ channel: any Channel, _ place: ConnectionPlace?, firstTimeout: TimeAmount, idleTimeout: TimeAmount?) {
        self.channel = channel
        self.place = place
        self.gate = place.map { _ in StreamGate() }
        self.idleTimeout = idleTimeout
        self.end(in: firstTimeout)
    }

    func opened(_ stream: any Channel) {
        self.timer?.cancel()
        self.timer = nil
        let id = ObjectIdentifier(stream)
        self.streams[id] = stream
        self.place?.activity = .busy
        stream.closeFuture.assumeIsolated().whenComplete { _ in
            self.streams[id] = nil
            guard self.streams.isEmpty else { return }
            self.place?.activity = .answered
            if let idleTimeout = self.idleTimeout, self.channel.isActive { self.end(in: idleTimeout) }
        }
    }

    /// Makes the connection end after a time unless a stream begins. The client is told first: it may be about to open one.
    private func end(in time: TimeAmount) {
        let eventLoop = self.channel.eventLoop.assumeIsolated()
        self.timer = eventLoop.scheduleTask(in: time) {
            self.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            self.timer = eventLoop.scheduleTask(in: Self.patience) { self.channel.close(promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent, is ServerRestartEvent:
            for stream in self.streams.values { stream.pipeline.fireUserInboundEventTriggered(event) }
        // Nothing can be agreed on any more, the end of TLS included.
        case ChannelEvent.inputClosed: self.channel.cut()
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What is wrong with one stream ends that stream.
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }
}
