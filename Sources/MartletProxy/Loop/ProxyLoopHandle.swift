import NIOCore

/// A ``ProxyLoop`` for other threads to hold.
///
/// `@unchecked Sendable`: the loop is reached on its event loop only, which both ways here see to.
final class ProxyLoopHandle: @unchecked Sendable {
    private let loop: ProxyLoop
    private let eventLoop: any EventLoop

    init(_ loop: ProxyLoop) {
        self.loop = loop
        self.eventLoop = loop.eventLoop
    }

    /// On the event loop.
    var value: ProxyLoop {
        self.eventLoop.preconditionInEventLoop()
        return self.loop
    }

    /// From any thread.
    func run(_ body: @escaping @Sendable (ProxyLoop) -> Void) {
        self.eventLoop.execute { body(self.loop) }
    }
}
