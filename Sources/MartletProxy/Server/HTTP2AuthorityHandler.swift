import NIOCore
import NIOHPACK
import NIOHTTP2

/// Makes the proxy refuse HTTP/2 requests whose `:authority` and `Host` name different hosts, which are malformed (RFC
/// 9113, section 8.3.1). NIO's codec would let `Host` win; with both of them in it, the request is refused like any
/// other with two hosts.
final class HTTP2AuthorityHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(var payload) = self.unwrapInboundIn(data),
            let authority = payload.headers.first(name: ":authority"), let host = payload.headers.first(name: "host"),
            host != authority, host.lowercased() != authority.lowercased()
        else { return context.fireChannelRead(data) }
        payload.headers.add(name: "host", value: authority)
        context.fireChannelRead(self.wrapInboundOut(.headers(payload)))
    }
}
