/// A WebSocket through the proxy whose bytes an event loop moves.
protocol LoopWebSocket: AnyObject {
    var isClosing: Bool { get }
    /// Checks the time limits; called about once a second.
    ///
    /// - Parameter now: nanoseconds of NIO's clock.
    func tick(now: Int64)
    /// Closes with 1001.
    func drain()
    func abort()
}
