/// What a ``DirectHandshake`` did with a request before it turned out to be no simple matter: an ``UpgradeExchange`` goes on
/// from there, so that no upstream sees the request twice.
struct BegunHandshake: Sendable {
    let requestID: String
    let route: Route
    /// Nanoseconds of the monotonic clock.
    let startedAt: Int64
    /// Endpoints that could not be connected to, which has been accounted for.
    let tried: [Endpoint]
    let isTimeout: Bool
    let upstream: OpenUpstream?

    /// Nobody goes on with it, and nobody accounts for it.
    func abandon() {
        self.upstream?.close()
        self.upstream?.endpoint.ended()
    }
}
