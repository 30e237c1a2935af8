#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemClose = close(_:)

/// An open connection to an upstream server, over which the whole of a request went. Whoever has this owns the connection.
struct OpenUpstream: Sendable {
    let descriptor: CInt
    /// The upstream server, which counts the request already.
    let endpoint: Endpoint
    /// The beginning of its answer.
    let received: [UInt8]

    /// Ends the connection: nobody goes on with it.
    func close() { _ = systemClose(self.descriptor) }
}
