package import NIOCore
package import NIOHTTP1

/// A handler before the decoder of a connection on which short requests with the same head follow each other: it spares
/// the decoder all but the first of them. What the head says is checked again each time, since a key may have been
/// removed.
///
/// It takes only a buffer that holds one whole request and nothing else, and only while the decoder holds nothing:
/// after a request that also filled its buffer, and that was decoded exactly as it stands there, line by line. So the
/// decoder would have read it the same way.
package final class RepeatedRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    /// The number of requests in a row with a different head than the one before, after which the handler stops trying.
    private static let patience = 8

    private struct Known {
        let bytes: RepeatedHead
        var head: HTTPRequestHead
        /// The length of the body that ``head`` states, in bytes.
        var length: Int
    }

    /// An owner takes whole requests past the decoder.
    package protocol Owner: AnyObject {
        /// - Returns: `false` when the request must go through the decoder.
        func take(_ head: HTTPRequestHead, _ body: ByteBuffer) -> Bool
    }

    private unowned let owner: any Owner
    private var known: Known?
    /// Whether the decoder holds nothing.
    private var isClean = false
    private var misses = 0
    /// The heads for the owner that came through the decoder in the current read, at most two: only whether there is
    /// exactly one matters.
    private var heads: [HTTPRequestHead] = []

    package init(_ owner: any Owner) { self.owner = owner }

    /// Notes that a request for the owner has come through the decoder; another like it may follow.
    package func received(_ head: HTTPRequestHead) { if self.heads.count < 2 { self.heads.append(head) } }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.misses < Self.patience else { return context.fireChannelRead(data) }
        let request = self.unwrapInboundIn(data)
        if self.isClean, self.take(request) { return }
        self.misses += 1
        self.isClean = false
        let bytes = request.withUnsafeReadableBytes { RepeatedHead($0) }
        self.heads = []
        context.fireChannelRead(data)
        let heads = self.heads
        self.heads = []
        guard let bytes, heads.count == 1, let head = heads.first, bytes.lineCount == head.headers.count + 1,
            let length = request.withUnsafeReadableBytes({ bytes.body(of: $0) }).map({ request.readableBytes - $0 }),
            head.headers.first(name: "content-length") == String(length)
        else { return }
        self.known = Known(bytes: bytes, head: head, length: length)
        self.isClean = true
    }

    private func take(_ request: ByteBuffer) -> Bool {
        guard let start = request.withUnsafeReadableBytes({ self.known?.bytes.body(of: $0) }) else { return false }
        let length = request.readableBytes - start
        if length != self.known?.length {
            self.known?.head.headers.replaceOrAdd(name: "content-length", value: String(length))
            self.known?.length = length
        }
        guard let head = self.known?.head,
            let body = request.getSlice(at: request.readerIndex + start, length: length),
            self.owner.take(head, body)
        else { return false }
        self.misses = 0
        return true
    }
}
