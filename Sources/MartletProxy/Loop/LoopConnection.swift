/// A connection of a client that speaks HTTP, on an event loop.
protocol LoopConnection: AnyObject {
    /// Ends it, behind the answers to what it has asked already.
    func drain()
    /// Ends it at once.
    func abort()
}
