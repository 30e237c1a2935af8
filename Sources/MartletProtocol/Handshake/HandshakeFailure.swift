public import HTTPTypes

/// Why an opening handshake failed. ``reason`` is for people; a server also sends it as the body of its refusal.
public struct HandshakeFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// Not a WebSocket handshake at all, or a malformed one.
        public static let badRequest = Self(description: "bad request")
        /// A method other than GET.
        public static let methodNotAllowed = Self(description: "method not allowed")
        /// A `Sec-WebSocket-Version` other than 13.
        public static let unsupportedVersion = Self(description: "unsupported version")
        /// The server did not answer 101; ``HandshakeFailure/status`` says what it did answer.
        public static let refused = Self(description: "refused")
        /// The server answered 101, but not as RFC 6455, section 4.1 demands.
        public static let badResponse = Self(description: "bad response")
    }

    public let code: Code
    public let reason: String
    /// For a server: the HTTP status to refuse with. For a client: the status that was received.
    public let status: Int
    /// For a client: the server's answer, without its body, when it was no 101.
    public let response: HTTPResponse?

    public init(code: Code, reason: String, status: Int, response: HTTPResponse? = nil) {
        self.code = code
        self.reason = reason
        self.status = status
        self.response = response
    }

    public var description: String { "\(self.code) (\(self.status)): \(self.reason)" }

    static func badRequest(_ reason: String) -> Self { Self(code: .badRequest, reason: reason, status: 400) }
    static func badResponse(_ reason: String) -> Self { Self(code: .badResponse, reason: reason, status: 101) }
}
