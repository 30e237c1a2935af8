package import NIOCore
package import NIOHTTP1

/// Answers short requests on the event loop of their connection: no task, no HTTP handler, one write an answer. For what
/// comes often; everything that is in the least unusual about a request is for the HTTP side.
package struct RequestEndpoint: Sendable {
    /// The whole answer.
    package struct Answer: Sendable {
        package var status: HTTPResponseStatus
        package var contentType: String
        package var body: String

        package init(_ status: HTTPResponseStatus = .ok, contentType: String, body: String) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    /// Longer bodies are the HTTP side's. Bytes.
    package var maximumBodySize: Int
    /// Called on the connection's event loop; `completion` is to be called once, on any thread.
    package var respond:
        @Sendable (
            _ head: HTTPRequestHead, _ body: ByteBuffer, _ channel: any Channel,
            _ completion: @escaping @Sendable (Answer) -> Void
        ) -> Void

    package init(
        maximumBodySize: Int,
        respond:
            @escaping @Sendable (
                HTTPRequestHead, ByteBuffer, any Channel, @escaping @Sendable (Answer) -> Void
            ) -> Void
    ) {
        self.maximumBodySize = maximumBodySize
        self.respond = respond
    }

    /// Whether the length of a request's body is known, and not too great; nobody waits for a word before sending it; and the
    /// request says what host it is for, as it must.
    package func takes(_ head: HTTPRequestHead) -> Bool {
        guard head.version == .http1_1, head.headers.contains(name: "host"), !head.headers.contains(name: "expect"),
            !head.headers.contains(name: "transfer-encoding"), !head.headers.contains(name: "upgrade"),
            let length = head.headers.first(name: "content-length").flatMap({ Int($0) })
        else { return false }
        return length <= self.maximumBodySize
    }
}
