import MartletWebSocket

/// The reason why a proxy cannot start or apply a configuration. ``reason`` says what to do about it.
public struct ProxyError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// The configuration makes no sense; the reason names the key and its line.
        public static let configuration = Self(description: "configuration")
        /// A file cannot be read.
        public static let file = Self(description: "file")
        /// The address is in use, or not ours.
        public static let bind = Self(description: "bind")
        /// The system refuses something that the proxy needs, such as a thread.
        public static let system = Self(description: "system")
    }

    public let code: Code
    public let reason: String
    public let cause: (any Error)?

    public init(_ code: Code, reason: String, cause: (any Error)? = nil) {
        self.code = code
        self.reason = reason
        self.cause = cause
    }

    public var description: String { self.reason + (self.cause.map { ": " + ErrorText.of($0) } ?? "") }
}
