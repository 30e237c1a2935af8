/// Who has sent a close frame so far, and what is to be done about it (RFC 6455, sections 5.5.1 and 7.1).
///
/// A pure state machine: it is told of close frames and answers what to send.
public struct CloseHandshake: Sendable, Hashable {
    private enum State: Hashable {
        case open
        case sent(CloseFrame)
        /// Both frames have passed; the first is the one that began the closing.
        case complete(CloseFrame, startedHere: Bool)
    }

    /// What a received close frame asks for.
    public enum ReceivedAction: Sendable, Hashable {
        /// The peer began: send this frame back, then end the TCP connection.
        case reply(CloseFrame)
        /// It answers ours: end the TCP connection.
        case finish
        /// A second close frame; ignore it.
        case ignore
    }

    private var state: State = .open

    public init() {}

    /// Whether data may still be sent: no close frame has passed in either direction.
    public var isOpen: Bool { self.state == .open }

    /// Whether both close frames have passed.
    public var isComplete: Bool {
        if case .complete = self.state { return true }
        return false
    }

    /// We want to close.
    ///
    /// - Returns: whether `frame` is to be sent; `false` when the closing has begun already.
    public mutating func start(_ frame: CloseFrame) -> Bool {
        guard case .open = self.state else { return false }
        self.state = .sent(frame)
        return true
    }

    /// A close frame came in. The reply repeats the peer's code, without its reason.
    public mutating func received(_ frame: CloseFrame) -> ReceivedAction {
        switch self.state {
        case .open:
            self.state = .complete(frame, startedHere: false)
            return .reply(frame.code.flatMap { CloseFrame(code: $0) } ?? .empty)
        case .sent:
            self.state = .complete(frame, startedHere: true)
            return .finish
        case .complete:
            return .ignore
        }
    }
}
