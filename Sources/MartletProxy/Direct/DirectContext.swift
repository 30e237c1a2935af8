import NIOCore

/// What the handshakes of one listener need, on whichever reactor.
struct DirectContext: Sendable {
    let core: ProxyCore
    let listener: ListenerConfiguration
    let limits: ClientConfiguration
    let connectionLimit: Int
    /// Takes a client's connection over to NIO: its descriptor, the bytes that came already, and what was done with them.
    /// It counts among the connections already if it is admitted.
    let giveUp: @Sendable (_ client: CInt, _ received: [UInt8], _ begun: BegunHandshake?, _ isAdmitted: Bool) -> Void
}
