/// A listening socket that a ``TunnelReactor`` polls.
class PolledListener: PolledSocket {
    /// Whether nothing is accepted until ``resume()``, because no descriptors are left; subclasses override it.
    var isPaused: Bool { false }

    /// Accepts connections again; subclasses override it.
    func resume() {}

    /// Stops accepting for good; subclasses override it.
    func stop() {}
}
