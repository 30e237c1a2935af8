import HTTPTypes
package import NIOHTTP1

/// The way in which the end of a request's body is known (RFC 9112, section 6).
package enum BodyFraming: Hashable, Sendable {
    /// The request has no body.
    case none
    /// The body has this many bytes, at least one.
    case length(Int)
    case chunked

    /// - Throws: ``Refusal`` for a request that two servers might read differently.
    package static func of(_ head: HTTPRequestHead) throws(Refusal) -> BodyFraming {
        // Most requests have neither, and this allocates no memory.
        guard head.headers.contains(name: "content-length") || head.headers.contains(name: "transfer-encoding") else {
            return .none
        }
        let lengths = head.headers["content-length"]
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                throw Refusal(.badRequest, "Transfer-Encoding and Content-Length contradict each other")
            }
            guard codings.count == 1, codings[0].utf8.elementsEqual("chunked".utf8, by: { $0 == $1 || $0 | 0x20 == $1 })
            else {
                throw Refusal(.notImplemented, "the only Transfer-Encoding that is understood is chunked")
            }
            guard !head.isHTTP10 else {
                throw Refusal(.badRequest, "Transfer-Encoding does not exist before HTTP/1.1")
            }
            return .chunked
        }
        guard !lengths.isEmpty else { return .none }
        guard lengths.count == 1, let length = Self.length(lengths[0]) else {
            throw Refusal(.badRequest, "Content-Length must be one number")
        }
        return length == 0 ? .none : .length(length)
    }

    /// Parses a value of `Content-Length`: digits and nothing else (RFC 9110, section 8.6).
    package static func length(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(text)
    }
}
