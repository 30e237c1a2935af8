import MartletProtocol

/// When a lost connection is tried again, and when not: see ``WebSocketClient/reconnecting(to:subprotocols:headerFields:policy:clock:)``.
public struct ReconnectPolicy: Sendable {
    /// Why there is no connection.
    public enum Loss: Sendable {
        /// No connection came about.
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

    /// What is about to happen, for a log or a status line.
    public struct Attempt: Sendable {
        /// 1 for the first attempt after a loss.
        public let number: Int
        public let delay: Duration
        public let loss: Loss
    }

    /// The first pause is at most this long. Default: 500 ms.
    public var initialDelay: Duration = .milliseconds(500)
    /// No pause is longer. Default: 30 s.
    public var maximumDelay: Duration = .seconds(30)
    /// Attempts in a row before the sequence fails. Default: `nil`, no end.
    public var maximumAttempts: Int?
    /// A connection that lasted this long makes the pauses short again. Default: 5 s.
    public var stableAfter: Duration = .seconds(5)
    /// What to do after a loss. Default: ``standardDecision(_:)``.
    public var decide: @Sendable (Loss) -> Decision = { Self.standardDecision($0) }
    /// Called before each pause.
    public var onRetry: @Sendable (Attempt) -> Void = { _ in }

    /// From 0 to 1; for tests.
    package var random: @Sendable () -> Double = { .random(in: 0...1) }

    public init() {}

    /// - An end with 1000 finishes: the server has no more to say.
    /// - Fatal: a URL that is not valid; TLS that fails; the statuses 3xx and 4xx but for 408, 425 and 429; the close
    ///   codes 1002, 1003, 1007, 1008, 1009 and 1010, which the same client would meet again.
    /// - Anything else is transient: 5xx, a refused or broken connection, a timeout, 1001, 1006, 1011, 1012, 1013, codes
    ///   of the application.
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

    /// Full jitter: anything from nothing to a bound that doubles with each attempt.
    func delay(attempt: Int) -> Duration {
        let doubled = self.initialDelay * (1 << min(attempt - 1, 20))
        let bound = min(doubled, self.maximumDelay)
        return bound * self.random()
    }
}
