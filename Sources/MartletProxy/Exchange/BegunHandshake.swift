#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemClose = close(_:)

/// What a ``DirectHandshake`` did with a request before it turned out to be no simple matter: an ``UpgradeExchange`` goes on
/// from there, so that no upstream sees the request twice.
struct BegunHandshake: Sendable {
    struct Upstream: Sendable {
        /// An open connection, over which the whole request went; owned by whoever has this.
        let descriptor: CInt
        /// Which counts the request already.
        let endpoint: Endpoint
        /// The beginning of its answer.
        let received: [UInt8]

        /// Nobody goes on with it.
        func close() { _ = systemClose(self.descriptor) }
    }

    let requestID: String
    let route: Route
    /// Nanoseconds of the monotonic clock.
    let startedAt: Int64
    /// Endpoints that could not be connected to, which has been accounted for.
    let tried: [Endpoint]
    let isTimeout: Bool
    let upstream: Upstream?

    /// Nobody goes on with it, and nobody accounts for it.
    func abandon() {
        self.upstream?.close()
        self.upstream?.endpoint.ended()
    }
}
