import NIOCore

/// Tells the WebSockets of an HTTP/2 connection that the server shuts down, since the event reaches only the
/// connection.
final class StreamQuiescer: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private var streams: [ObjectIdentifier: any Channel] = [:]

    func opened(_ stream: any Channel) {
        let id = ObjectIdentifier(stream)
        self.streams[id] = stream
        stream.closeFuture.assumeIsolated().whenComplete { _ in self.streams[id] = nil }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            for stream in self.streams.values {
                stream.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
        }
        context.fireUserInboundEventTriggered(event)
    }
}
