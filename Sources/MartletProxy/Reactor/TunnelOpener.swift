/// Opens a tunnel, and owns its legs until then. Used on the reactor's thread alone; the reactor keeps it until it has said that it
/// is over.
class TunnelOpener {
    /// To be overridden: something happened to a leg.
    ///
    /// - Parameter now: nanoseconds of the system's coarse monotonic clock.
    func ready(_ leg: SocketLeg, _ events: UInt32, _ now: Int64) {}

    /// To be overridden: some time has passed.
    func tick(_ now: Int64) {}

    /// To be overridden: the proxy shuts down, and requests that have not come are not waited for.
    func drain() {}

    /// To be overridden: the thread ends.
    func stop() {}
}
