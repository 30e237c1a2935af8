import DequeModule

/// The questions that wait, by the client that each is from. The clients take turns, so that one with very much makes nobody else wait
/// for long, and none has more than its share of the memory. A pure state; the caller has the lock.
struct ClientTurns<Element> {
    private struct Waiting {
        var elements: Deque<(element: Element, cost: Int)> = []
        var cost = 0
    }

    private let limit: Int
    private let share: Int
    private var clients: [String: Waiting] = [:]
    /// The clients of which something waits, each once; the next one first.
    private var turns: Deque<String> = []
    /// The cost of all that waits.
    private(set) var cost = 0

    /// - Parameters:
    ///   - limit: the cost of all that may wait.
    ///   - share: the cost of what may wait of one client.
    init(limit: Int, share: Int) {
        self.limit = limit
        self.share = share
    }

    /// - Returns: `false` when too much waits, of this client or of all together.
    mutating func append(_ element: Element, cost: Int, of client: String) -> Bool {
        let own = self.clients[client]?.cost ?? 0
        guard cost <= self.share - own, cost <= self.limit - self.cost else { return false }
        if self.clients[client] == nil { self.turns.append(client) }
        self.clients[client, default: Waiting()].elements.append((element, cost))
        self.clients[client]?.cost = own + cost
        self.cost += cost
        return true
    }

    /// Removes what is next: the oldest of the client whose turn it is.
    mutating func popFirst() -> Element? {
        guard let client = self.turns.popFirst(), let first = self.clients[client]?.elements.popFirst() else {
            return nil
        }
        self.cost -= first.cost
        self.clients[client]?.cost -= first.cost
        if self.clients[client]?.elements.isEmpty == true {
            self.clients[client] = nil
        } else {
            self.turns.append(client)
        }
        return first.element
    }
}
