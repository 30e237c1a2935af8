import NIOCore

/// A client's connection that a reactor has accepted, and leaves to NIO.
struct AcceptedConnection: Sendable {
    /// Open, and owned by whoever has this.
    let descriptor: CInt
    /// Asked later, the system may not know it any more.
    let peer: SocketAddress?
    /// Nanoseconds of the monotonic clock.
    let acceptedAt: Int64
    /// Whether it counts among the connections already.
    var isAdmitted = true
    /// What has been read.
    var received: [UInt8] = []
    /// What has been done with it.
    var begun: BegunHandshake?
}
