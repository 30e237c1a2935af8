import NIOCore
import NIOHTTP2

/// A client's connection over HTTP/2, whose streams are ``ClientConnection``s: the last handler of its pipeline. It
/// ends the connection when the client does, when the protocol is violated, and when there has been no stream for long.
final class HTTP2Connection: ChannelInboundHandler, LoopConnection {
    typealias InboundIn = Any

    /// The time from GOAWAY to the end of the connection, for streams that are open.
    private static let graceTime = TimeAmount.seconds(10)

    private let idleTime: TimeAmount
    private let channel: any Channel
    private var streams: Set<HTTP2StreamID> = []
    private var timer: Scheduled<Void>?

    init(_ channel: any Channel, idleTime: TimeAmount) {
        self.channel = channel
        self.idleTime = idleTime
    }

    /// Tells the client to open no more streams (GOAWAY), and ends the connection behind those that are open.
    func drain() {
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        if self.streams.isEmpty { self.start(.seconds(1)) { $0.abort() } }
    }

    func abort() { self.channel.close(promise: nil) }

    func handlerAdded(context: ChannelHandlerContext) { self.waitForStreams() }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as NIOHTTP2StreamCreatedEvent:
            self.streams.insert(event.streamID)
            self.timer?.cancel()
        case let event as StreamClosedEvent:
            self.streams.remove(event.streamID)
            if self.streams.isEmpty { self.waitForStreams() }
        case ChannelEvent.inputClosed:
            context.close(promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.StreamError { return }  // it ends that stream alone
        // NIO has sent GOAWAY with what went wrong, if there was anything to say.
        context.close(promise: nil)
    }

    private func waitForStreams() {
        self.start(self.idleTime) { connection in
            connection.drain()
            connection.start(Self.graceTime) { $0.abort() }
        }
    }

    private func start(_ time: TimeAmount, _ body: @escaping (HTTP2Connection) -> Void) {
        self.timer?.cancel()
        self.timer = self.channel.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            if let self { body(self) }
        }
    }
}
