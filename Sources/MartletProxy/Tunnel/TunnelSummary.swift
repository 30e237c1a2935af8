/// The summary of what went through a tunnel, given once, when the tunnel has ended.
public struct TunnelSummary: Sendable {
    public var end: TunnelEnd = .finished
    /// Bytes behind the handshake, by the side that they came from.
    public var bytesFromClient = 0
    public var bytesFromUpstream = 0
    /// Whole messages; 0 for a direction whose bytes are not understood, because they are no WebSocket frames.
    public var messagesFromClient = 0
    public var messagesFromUpstream = 0
    /// The code of the first close frame that was seen, whichever side sent it; `nil` without one.
    public var closeCode: UInt16?
}
