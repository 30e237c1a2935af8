/// A connection of a client that speaks HTTP, on an event loop.
protocol LoopConnection: AnyObject {
    /// Ends the connection, after the answers to the requests that have come.
    func drain()
    /// Ends the connection at once.
    func abort()
}
