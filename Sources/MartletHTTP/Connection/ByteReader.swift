package import NIOCore

/// Unwraps the bytes that a removed decoder leaves over, where this handler's input is otherwise HTTP parts.
package struct ByteReader {
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
    }

    package init() {}

    package func unwrapInboundIn(_ data: NIOAny) -> ByteBuffer { Handler().unwrapInboundIn(data) }
}
