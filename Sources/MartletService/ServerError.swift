import MartletWebSocket

/// An error that keeps a server from starting. ``reason`` says what to do about it.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// The command line is invalid.
        public static let usage = Self(description: "usage")
        /// Options that contradict each other, or are not safe together.
        public static let configuration = Self(description: "configuration")
        /// A file could not be read, or its contents are invalid.
        public static let file = Self(description: "file")
        /// The address is in use, or not one of this machine.
        public static let bind = Self(description: "bind")
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
