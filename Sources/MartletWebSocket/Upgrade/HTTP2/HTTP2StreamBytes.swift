import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Turns the DATA frames of an HTTP/2 stream into bytes and back, so that a ``WebSocket`` sees a connection (RFC 8441,
/// section 5: the stream takes the place of the TCP connection).
final class HTTP2StreamBytes: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTPResponsePart

    private var hasEndedOutput = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head: break
        case .body(let bytes): context.fireChannelRead(self.wrapInboundOut(bytes))
        case .end:
            // END_STREAM takes the place of a FIN. The end of our own half ends the stream.
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            self.close(context: context, mode: .output, promise: nil)
            context.eventLoop.assumeIsolated().execute { bound.value.close(promise: nil) }
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.hasEndedOutput else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        context.write(self.wrapOutboundOut(.body(self.unwrapOutboundIn(data))), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else {
            context.close(mode: mode, promise: promise)
            return
        }
        guard !self.hasEndedOutput else {
            promise?.succeed()
            return
        }
        self.hasEndedOutput = true
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }
}
