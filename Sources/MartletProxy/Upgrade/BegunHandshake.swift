/// An opening handshake that a ``DirectHandshake`` has begun and cannot finish itself: an ``UpgradeExchange`` goes on
/// with it, so that no upstream sees the request twice.
struct BegunHandshake: Sendable {
    let requestID: String
    let route: Route
    /// Nanoseconds of the monotonic clock.
    let startedAt: Int64
    /// The upstream servers that could not be connected to; their failures have been recorded.
    let tried: [Endpoint]
    let isTimeout: Bool
    let upstream: OpenUpstream?

    /// Ends the connection to the upstream server, because nothing goes on with the handshake.
    func abandon() {
        self.upstream?.close()
        self.upstream?.endpoint.ended()
    }
}
