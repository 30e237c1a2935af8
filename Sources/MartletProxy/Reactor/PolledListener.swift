/// A listening socket that a ``TunnelReactor`` polls.
class PolledListener: PolledSocket {
    /// To be overridden: whether nothing is accepted until ``resume()``, since there were no descriptors left.
    var isPaused: Bool { false }

    /// To be overridden: accepts again.
    func resume() {}

    /// To be overridden: accepts no more, for good.
    func stop() {}
}
