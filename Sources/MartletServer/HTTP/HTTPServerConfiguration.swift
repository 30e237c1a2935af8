import MartletWebSocket

/// The configuration of an ``HTTPServer``: how it listens and drains.
struct HTTPServerConfiguration: Sendable {
    /// The steps of draining.
    struct Drain: Sendable {
        /// The time for which `/readyz` says so before anything else happens.
        var delay = Duration.zero
        /// The time over which connections are ended.
        var time = Duration.zero
        /// The range of the random times after which clients are told to come back. Milliseconds.
        var retry = 0...0
        /// The function that counts the clients that are left; `nil` for those that the limiter has admitted.
        var clients: (@Sendable () -> Int)?
        /// The function that is called before each batch, with the share of what is left that ends with it.
        var alongside: @Sendable (_ share: Double) -> Void = { _ in }
    }

    /// The addresses to listen on, at least one.
    var listen: [ListenAddress]
    var tls: ServerTLS?
    var trustedProxies = TrustedProxies.none
    var limiter: ConnectionLimiter
    var limits = HTTPLimits()
    /// Whether sockets that the process was given (systemd) are listened on, in place of ``listen``.
    var inheritsSockets = true
    /// Whether health is answered.
    var isForOperators = true
    /// One listening socket for each event loop (`SO_REUSEPORT`).
    var isPortShared = false
    /// The function that says why other machines may not reach the server at an address; `nil` when they may. For
    /// sockets that are handed over.
    var refusal: @Sendable (ListenAddress) -> String? = { _ in nil }
    /// The function that gives the steps when the server drains.
    var drain: @Sendable () -> Drain = { Drain() }

    init(listen: [ListenAddress], limiter: ConnectionLimiter) {
        self.listen = listen
        self.limiter = limiter
    }
}
