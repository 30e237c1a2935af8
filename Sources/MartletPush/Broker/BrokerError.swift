/// An error of a broker: it did not do what it was asked for, or did not answer in time.
public struct BrokerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of an error.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String { case unavailable, timedOut }
        private let value: Value

        /// The broker cannot be reached, or refuses.
        public static let unavailable = Self(value: .unavailable)
        /// The broker did not answer in time.
        public static let timedOut = Self(value: .timedOut)

        public var description: String { self.value.rawValue }
    }

    public let code: Code
    /// The reason, for people.
    public let reason: String
    /// Whether the call may have taken effect all the same: a publication that is sent again may then come twice.
    public let mayHaveHappened: Bool

    public init(_ code: Code, reason: String, mayHaveHappened: Bool) {
        self.code = code
        self.reason = reason
        self.mayHaveHappened = mayHaveHappened
    }

    public var description: String {
        "\(self.reason); it \(self.mayHaveHappened ? "may have happened" : "has not happened")"
    }
}
