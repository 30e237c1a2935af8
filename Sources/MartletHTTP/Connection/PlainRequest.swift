package import NIOCore
package import NIOHTTP1

/// A request for a ``RequestEndpoint``, as far as it has arrived.
package final class PlainRequest {
    package let head: HTTPRequestHead
    package let endpoint: RequestEndpoint
    package private(set) var body: ByteBuffer?

    package init(_ head: HTTPRequestHead, _ endpoint: RequestEndpoint) {
        self.head = head
        self.endpoint = endpoint
    }

    /// Appends a part of the body. The decoder ensures that no more comes than the head said.
    package func append(_ part: ByteBuffer) {
        if self.body == nil { self.body = part } else { self.body?.writeImmutableBuffer(part) }
    }
}
