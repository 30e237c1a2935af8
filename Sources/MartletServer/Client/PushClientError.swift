/// Why a message was not taken.
public struct PushClientError: Error, Sendable, CustomStringConvertible {
    /// Of the answer; `nil` when there was none.
    public let status: Int?
    let reason: String
    /// Seconds.
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
