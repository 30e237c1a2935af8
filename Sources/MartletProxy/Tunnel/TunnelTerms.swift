/// The terms of a tunnel: what the two sides have agreed on, and what to call at the end.
struct TunnelTerms: Sendable {
    var policy: TunnelPolicy
    /// Whether the two have agreed on permessage-deflate.
    var isCompressed: Bool
    /// The bytes that have come behind the upstream's 101 already.
    var fromUpstream: [UInt8]
    /// The bytes that the client gets before anything else: the 101, if it has not been sent yet.
    var toClient: [UInt8] = []
    /// The closure to call once, when the tunnel has ended: on the reactor's thread, or, if the reactor has stopped
    /// before, on the thread that hands the tunnel over.
    var onEnd: @Sendable (TunnelSummary) -> Void
}
