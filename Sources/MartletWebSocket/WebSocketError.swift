public import MartletProtocol

/// An error of this library. ``reason`` is a sentence for the reader of a log.
public struct WebSocketError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The connection is closed or closing.
        public static let closed = Self("closed")
        /// The outbound queue is full and the policy does not wait.
        public static let full = Self("full")
        public static let invalidURL = Self("invalid URL")
        /// The TCP connection could not be opened.
        public static let connectFailed = Self("connect failed")
        /// A proxy did not connect to the server.
        public static let proxyFailed = Self("proxy failed")
        /// The TLS handshake failed; the certificate is not trusted, for example.
        public static let tlsFailed = Self("TLS failed")
        /// The opening handshake failed: ``WebSocketError/handshakeFailure`` has the details.
        public static let handshakeFailed = Self("handshake failed")
        public static let timeout = Self("timeout")
        /// A message could not be decoded or encoded as the requested type.
        public static let invalidMessage = Self("invalid message")
        /// The server could not listen.
        public static let bindFailed = Self("bind failed")
    }

    public let code: Code
    public let reason: String
    public let cause: (any Error)?

    public init(_ code: Code, reason: String, cause: (any Error)? = nil) {
        self.code = code
        self.reason = reason
        self.cause = cause
    }

    /// The server's refusal, when ``code`` is ``Code/handshakeFailed``.
    public var handshakeFailure: HandshakeFailure? { self.cause as? HandshakeFailure }

    public var description: String {
        let text = "\(self.code): \(self.reason)"
        // The response of the other end is already in the text.
        if let failure = self.handshakeFailure, self.reason.contains(failure.reason) { return text }
        return text + (self.cause.map { " (\(ErrorText.of($0)))" } ?? "")
    }
}
