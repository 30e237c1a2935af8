/// The context that the ``DirectHandshake``s of one listener share, on any reactor.
struct DirectContext: Sendable {
    let core: ProxyCore
    let listener: ListenerConfiguration
    let limits: ClientConfiguration
    let connectionLimit: Int
    /// Takes a client's connection over to NIO.
    let giveUp: @Sendable (AcceptedConnection) -> Void
}
