import NIOCore
import NIOHTTP1

/// A request for a ``RequestEndpoint``, as much of it as has come.
final class PlainRequest {
    let head: HTTPRequestHead
    let endpoint: RequestEndpoint
    private(set) var body: ByteBuffer?

    init(_ head: HTTPRequestHead, _ endpoint: RequestEndpoint) {
        self.head = head
        self.endpoint = endpoint
    }

    /// The decoder sees to it that no more comes than the head said.
    func append(_ part: ByteBuffer) {
        if self.body == nil { self.body = part } else { self.body?.writeImmutableBuffer(part) }
    }
}
