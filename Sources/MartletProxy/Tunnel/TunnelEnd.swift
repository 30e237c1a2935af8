/// The reason why a tunnel ended, for the log and the metrics.
public enum TunnelEnd: String, Sendable, CaseIterable {
    /// Both sides ended their connections.
    case finished
    case clientReset = "the client reset the connection"
    case upstreamReset = "the upstream reset the connection"
    /// The proxy shut down.
    case drained = "the proxy is shutting down"
    case idle = "no byte came from either side in time"
    case clientDead = "the client did not answer a ping in time"
    case messageTooBig = "the client's message is too big"
    case tooManyMessages = "the client sends too many messages"
    case violation = "the client violated the WebSocket protocol"
}
