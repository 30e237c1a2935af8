package import NIOCore
package import NIOHTTP1

/// Answers short requests on the event loop of their connection: no task, no HTTP handler, one write for each answer.
/// It is for frequent requests; anything unusual about a request sends it to the HTTP side.
package struct RequestEndpoint: Sendable {
    /// The whole answer.
    package struct Answer: Sendable {
        package var status: HTTPResponseStatus
        package var contentType: String
        package var body: String
        /// The value of the header `Retry-After`, in seconds; `nil` for none.
        package var retryAfter: Int?

        package init(
            _ status: HTTPResponseStatus = .ok, contentType: String, body: String, retryAfter: Int? = nil
        ) {
            self.status = status
            self.contentType = contentType
            self.body = body
            self.retryAfter = retryAfter
        }
    }

    /// The longest body in bytes that the endpoint takes; requests with longer ones go to the HTTP side.
    package var maximumBodySize: Int
    /// The function that answers, called on the connection's event loop; it must call `completion` once, on any thread.
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

    /// Whether the endpoint takes a request: its body's length is known and within the limit, the client does not wait
    /// for an interim answer before it sends the body, and there is one valid Host header.
    ///
    /// - Parameter others: the names of headers with which a request is not for this endpoint.
    package func takes(_ head: HTTPRequestHead, without others: [String] = []) -> Bool {
        guard head.version == .http1_1 else { return false }
        var hasHost = false
        var length: Int?
        // One pass: this is looked at for each request.
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where Self.isEqual(name, "host"):
                guard !hasHost, HostAndPort.isAuthority(value) else { return false }
                hasHost = true
            case 6 where Self.isEqual(name, "expect"): return false
            case 7 where Self.isEqual(name, "upgrade"): return false
            case 14 where Self.isEqual(name, "content-length"):
                guard let number = BodyFraming.length(value) else { return false }
                length = length ?? number
            case 17 where Self.isEqual(name, "transfer-encoding"): return false
            case let count:
                if others.contains(where: { $0.utf8.count == count && Self.isEqual(name, $0) }) { return false }
            }
        }
        return hasHost && length.map { $0 <= self.maximumBodySize } ?? false
    }

    /// - Parameter other: a text in lower case, of the same length.
    private static func isEqual(_ name: String, _ other: String) -> Bool {
        let (name, other) = (name.utf8Span.span, other.utf8Span.span)
        for index in other.indices {
            let byte = name[index]
            guard byte == other[index] || (0x41...0x5A ~= byte && byte | 0x20 == other[index]) else { return false }
        }
        return true
    }
}
