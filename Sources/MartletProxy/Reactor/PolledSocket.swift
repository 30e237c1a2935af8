#if canImport(Glibc)
import CMartletSystem
import Glibc
#elseif canImport(Musl)
import CMartletSystem
import Musl
#endif

/// A socket that a ``TunnelReactor`` polls. Used on the reactor's thread alone; the reactor does not keep it.
class PolledSocket {
    /// The events that a connection's socket is polled for while nothing waits to be sent. Edge-triggered.
    static let inputEvents = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
    static let allEvents = inputEvents | EPOLLOUT.rawValue
    static let hangUpEvents = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
    static let readEvents = EPOLLIN.rawValue | hangUpEvents

    let descriptor: CInt

    init(descriptor: CInt) { self.descriptor = descriptor }

    /// Handles events of the socket; subclasses override it.
    ///
    /// - Parameter now: nanoseconds of the system's coarse monotonic clock.
    func ready(_ events: UInt32, _ now: Int64) {}

    /// - Parameter isKnown: whether the socket is polled already, for other events. Then epoll reports what it is ready
    ///   for again.
    final func register(with poll: CInt, events: UInt32, isKnown: Bool = false) -> Bool {
        var event = epoll_event()
        event.events = events
        event.data.ptr = Unmanaged.passUnretained(self).toOpaque()
        return epoll_ctl(poll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, self.descriptor, &event) == 0
    }
}
