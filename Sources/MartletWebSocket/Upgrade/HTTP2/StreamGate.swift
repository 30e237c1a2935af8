import DequeModule

/// A `StreamGate` lets some plain requests of an HTTP/2 connection be answered at once, the others one after the other:
/// a client that reads no answers holds no more of them than over a few connections of HTTP/1.1. A request that shows a
/// right key or becomes a session passes the gate for good. It is used on the connection's event loop.
package final class StreamGate {
    /// A request before the gate.
    package protocol Visitor: AnyObject {
        /// Goes on.
        ///
        /// - Returns: `false` if the request has ended meanwhile.
        func pass() -> Bool
    }

    private let most: Int
    private var inside = 0
    private var waiting: Deque<any Visitor> = []

    /// - Parameter most: the most requests that are answered at once.
    package init(most: Int = 8) { self.most = most }

    /// - Returns: whether the request may go on at once; otherwise ``Visitor/pass()`` is called when it may.
    func enter(_ visitor: any Visitor) -> Bool {
        guard self.inside >= self.most else {
            self.inside += 1
            return true
        }
        self.waiting.append(visitor)
        return false
    }

    /// Lets the next one in. To be called once for each request that went in.
    func leave() {
        self.inside -= 1
        while self.inside < self.most, let next = self.waiting.popFirst() {
            self.inside += 1
            if !next.pass() { self.inside -= 1 }
        }
    }
}
