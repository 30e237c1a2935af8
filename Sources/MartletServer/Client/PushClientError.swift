/// An error of a message that the service did not take.
public struct PushClientError: Error, Sendable, CustomStringConvertible {
    /// The status of the answer; `nil` when there was none.
    public let status: Int?
    let reason: String
    /// The time to wait before the next attempt, in seconds.
    var retryAfter: Int?

    /// Whether it may work later.
    var isTemporary: Bool {
        self.status.map { $0 == 429 || $0 >= 500 } ?? true
    }

    public var description: String {
        switch self.status {
        case nil: "no answer: \(self.reason)"
        case 401: "the API key is missing or wrong (401)"
        case let status?: "answered \(status)\(self.reason.isEmpty ? "" : ": \(self.reason)")"
        }
    }
}
