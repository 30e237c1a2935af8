import NIOCore

/// A ``ProxyLoop`` for other threads to hold.
///
/// `@unchecked Sendable`: the loop is used on its event loop only, which ``value`` and ``run(_:)`` ensure.
final class ProxyLoopHandle: @unchecked Sendable {
    private let loop: ProxyLoop
    private let eventLoop: any EventLoop

    init(_ loop: ProxyLoop) {
        self.loop = loop
        self.eventLoop = loop.eventLoop
    }

    /// The loop; it may be read on the event loop only.
    var value: ProxyLoop {
        self.eventLoop.preconditionInEventLoop()
        return self.loop
    }

    /// Runs `body` on the event loop. It may be called from any thread.
    func run(_ body: @escaping @Sendable (ProxyLoop) -> Void) {
        self.eventLoop.execute { body(self.loop) }
    }
}
