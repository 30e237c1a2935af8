/// The sessions of one user on one event loop. Nearly all users have one, which takes no memory of its own.
struct SubscriberSet {
    private var first: (any Subscriber)?
    private var others: [ObjectIdentifier: any Subscriber] = [:]

    var isEmpty: Bool { self.first == nil }

    var all: [any Subscriber] { (self.first.map { [$0] } ?? []) + self.others.values }

    mutating func insert(_ session: any Subscriber) {
        guard let first = self.first else {
            self.first = session
            return
        }
        if first !== session { self.others[ObjectIdentifier(session)] = session }
    }

    mutating func remove(_ session: any Subscriber) {
        if self.first === session {
            self.first = self.others.popFirst()?.value
        } else {
            self.others[ObjectIdentifier(session)] = nil
        }
        if self.others.isEmpty { self.others = [:] }  // a dictionary never shrinks by itself
    }
}
