public import HTTPTypes

/// The failure of an opening handshake. ``reason`` is for people; a server also sends it as the body of its refusal.
public struct HandshakeFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// The request is not an opening handshake, or is a malformed one.
        public static let badRequest = Self(description: "bad request")
        /// The method is not GET.
        public static let methodNotAllowed = Self(description: "method not allowed")
        /// The `Sec-WebSocket-Version` is not 13.
        public static let unsupportedVersion = Self(description: "unsupported version")
        /// The server did not answer 101; ``HandshakeFailure/status`` is the status of its response.
        public static let refused = Self(description: "refused")
        /// The server answered 101, but not as RFC 6455, section 4.1 demands.
        public static let badResponse = Self(description: "bad response")
    }

    public let code: Code
    public let reason: String
    /// The HTTP status: the one to refuse with on a server, the one that was received on a client.
    public let status: Int
    /// The server's response without its body, if it was not 101; always `nil` on a server.
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
