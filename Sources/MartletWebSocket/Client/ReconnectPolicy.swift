import MartletProtocol

/// The policy for connecting again after a loss: see
/// ``WebSocketClient/reconnecting(to:subprotocols:headerFields:policy:clock:)``.
public struct ReconnectPolicy: Sendable {
    /// The reason for which there is no connection.
    public enum Loss: Sendable {
        /// The connection could not be opened.
        case failed(any Error)
        /// The connection ended.
        case closed(WebSocketCloseInformation)
    }

    public enum Decision: Sendable, Hashable {
        /// Try again after a pause.
        case retry
        /// The sequence ends, without an error.
        case finish
        /// The sequence ends with the error.
        case fail
    }

    /// The next attempt, for a log or a status line.
    public struct Attempt: Sendable {
        /// The number of the attempt; 1 for the first after a loss.
        public let number: Int
        public let delay: Duration
        public let loss: Loss
    }

    /// The longest possible first pause. Default: 500 ms.
    public var initialDelay: Duration = .milliseconds(500)
    /// The longest possible pause. Default: 30 s.
    public var maximumDelay: Duration = .seconds(30)
    /// The most attempts in a row before the sequence fails. Default: `nil`, no limit.
    public var maximumAttempts: Int?
    /// The time that a connection must last to make the pauses short again. Default: 5 s.
    public var stableAfter: Duration = .seconds(5)
    /// The decision after a loss. Default: ``standardDecision(_:)``.
    public var decide: @Sendable (Loss) -> Decision = { Self.standardDecision($0) }
    /// The function to call before each pause. Default: does nothing.
    public var onRetry: @Sendable (Attempt) -> Void = { _ in }

    /// The source of random numbers from 0 to 1; tests replace it.
    package var random: @Sendable () -> Double = { .random(in: 0...1) }

    public init() {}

    /// - An end with 1000 finishes: the server has nothing more to send.
    /// - Fatal: an invalid URL; a failure of TLS; the statuses 3xx and 4xx except 408, 425 and 429; the close codes
    ///   1002, 1003, 1007, 1008, 1009 and 1010, which the same client would meet again.
    /// - Anything else is transient: 5xx, a refused or broken connection, a timeout, 1001, 1006, 1011, 1012, 1013,
    ///   codes of the application.
    public static func standardDecision(_ loss: Loss) -> Decision {
        switch loss {
        case .closed(let information):
            switch information.code.rawValue {
            case 1000: .finish
            case 1002, 1003, 1007, 1008, 1009, 1010: .fail
            default: .retry
            }
        case .failed(let error as WebSocketError):
            switch error.code {
            case .invalidURL, .tlsFailed: .fail
            case .handshakeFailed:
                switch error.handshakeFailure?.status {
                case 408, 425, 429: .retry
                case let status? where (101..<500).contains(status): .fail
                default: .retry
                }
            default: .retry
            }
        case .failed: .fail
        }
    }

    /// Returns a pause with full jitter: anything from nothing to a bound that doubles with each attempt.
    func delay(attempt: Int) -> Duration {
        let doubled = self.initialDelay * (1 << min(attempt - 1, 20))
        let bound = min(doubled, self.maximumDelay)
        return bound * self.random()
    }
}
