import NIOCore

/// A client's connection that a reactor has accepted, and leaves to NIO.
struct AcceptedConnection: Sendable {
    /// The open socket of the client, which the holder of this value owns.
    let descriptor: CInt
    /// The client's address, kept because the system may not know it any more when asked later.
    let peer: SocketAddress?
    /// Nanoseconds of the monotonic clock.
    let acceptedAt: Int64
    /// Whether it has its admission already.
    var isAdmitted = true
    /// The bytes that have been read.
    var received: [UInt8] = []
    /// The opening handshake that was begun with them; `nil` if none was.
    var begun: BegunHandshake?
}
