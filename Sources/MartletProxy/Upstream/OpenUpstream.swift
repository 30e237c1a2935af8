#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemClose = close(_:)

/// An open connection to an upstream server, over which the whole of a request went. The holder of this value owns the
/// connection.
struct OpenUpstream: Sendable {
    let descriptor: CInt
    /// The upstream server, whose active requests include this one already.
    let endpoint: Endpoint
    /// The beginning of its answer.
    let received: [UInt8]

    /// Ends the connection, because nothing goes on with it.
    func close() { _ = systemClose(self.descriptor) }
}
