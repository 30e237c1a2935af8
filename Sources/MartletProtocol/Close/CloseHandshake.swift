/// The closing handshake: which end has sent a close frame so far, and what to do next (RFC 6455, sections 5.5.1 and
/// 7.1).
///
/// A pure state machine: it is told of close frames and returns what to send.
public struct CloseHandshake: Sendable, Hashable {
    private enum State: Hashable {
        case open
        case sent(CloseFrame)
        /// Both frames have passed; the first is the one that began the closing.
        case complete(CloseFrame, startedHere: Bool)
    }

    /// The action that a received close frame requires.
    public enum ReceivedAction: Sendable, Hashable {
        /// The peer began: send this frame back, then end the TCP connection.
        case reply(CloseFrame)
        /// The frame answers ours: end the TCP connection.
        case finish
        /// The frame is a second close frame: ignore it.
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

    /// Starts the closing handshake from this end.
    ///
    /// - Returns: whether `frame` is to be sent; `false` when the closing handshake has already begun.
    public mutating func start(_ frame: CloseFrame) -> Bool {
        guard case .open = self.state else { return false }
        self.state = .sent(frame)
        return true
    }

    /// Records a close frame from the peer. The reply repeats the peer's code, without its reason.
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
