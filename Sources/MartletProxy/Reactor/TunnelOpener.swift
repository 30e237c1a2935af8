/// Opens a tunnel, and owns its legs until then. It is used on the reactor's thread alone; the reactor keeps it until
/// ``TunnelReactor/closed(_:)``.
class TunnelOpener {
    /// Handles events of a leg; subclasses override it.
    ///
    /// - Parameter now: nanoseconds of the system's coarse monotonic clock.
    func ready(_ leg: SocketLeg, _ events: UInt32, _ now: Int64) {}

    /// Checks the time limits; subclasses override it.
    func tick(_ now: Int64) {}

    /// Ends the connection if its request has not come, because the proxy shuts down; subclasses override it.
    func drain() {}

    /// Ends the connections, because the thread ends; subclasses override it.
    func stop() {}
}
