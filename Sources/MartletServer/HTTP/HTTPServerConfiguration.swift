import MartletWebSocket

/// How an ``HTTPServer`` listens and ends.
struct HTTPServerConfiguration: Sendable {
    /// How it ends.
    struct Drain: Sendable {
        /// `/readyz` says so for this long before anything else happens.
        var delay = Duration.zero
        /// Connections are ended over this time.
        var time = Duration.zero
        /// Clients are told to come back after a random time out of these. Milliseconds.
        var retry = 0...0
        /// Called before each batch with the share of what is left that ends with it.
        var alongside: @Sendable (_ share: Double) -> Void = { _ in }
    }

    var listen: ListenAddress
    var tls: ServerTLS?
    var trustedProxies = TrustedProxies.none
    var limiter: ConnectionLimiter
    /// One listening socket for each event loop (`SO_REUSEPORT`).
    var isPortShared = false
    /// Why other machines may not reach it at an address; `nil` when they may. For sockets that are handed over.
    var refusal: @Sendable (ListenAddress) -> String? = { _ in nil }
    /// Asked when it ends.
    var drain: @Sendable () -> Drain = { Drain() }

    init(listen: ListenAddress, limiter: ConnectionLimiter) {
        self.listen = listen
        self.limiter = limiter
    }
}
