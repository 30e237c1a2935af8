/// What two sides have agreed on, and what is told when it is over.
struct TunnelTerms: Sendable {
    var policy: TunnelPolicy
    /// Whether the two have agreed on permessage-deflate.
    var isCompressed: Bool
    /// What came behind the upstream's 101 already.
    var fromUpstream: [UInt8]
    /// What the client is to get before anything else: the 101, if nobody has sent it yet.
    var toClient: [UInt8] = []
    /// Called on the reactor's thread, once.
    var onEnd: @Sendable (TunnelSummary) -> Void
}
