/// A transport is what carries a session.
public enum SessionTransport: String, Sendable, Hashable, CaseIterable {
    case websocket
    /// Server-sent events.
    case sse
    /// Long-polling.
    case poll

    /// The transport's number, from 0 on.
    var index: Int {
        switch self {
        case .websocket: 0
        case .sse: 1
        case .poll: 2
        }
    }
}
