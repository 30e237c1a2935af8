/// A WebSocket through the proxy whose bytes an event loop moves.
protocol LoopWebSocket: AnyObject {
    var isClosing: Bool { get }
    /// About once a second. Nanoseconds of NIO's clock.
    func tick(now: Int64)
    /// Closes with 1001.
    func drain()
    func abort()
}
