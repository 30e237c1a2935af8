import DequeModule
import NIOCore

/// The channels that have subscribers on this node: on which event loops they are, and the state of the node's
/// subscription at the broker. A value; the hub has the lock, and makes the calls.
struct ChannelDirectory {
    /// A channel's subscribers on one loop.
    struct Target {
        let shard: Hub.Shard
        let subscribers: ChannelSubscribers
    }

    /// A call to the broker. Calls are made in their order, by one thread at a time.
    enum Call: Equatable {
        case subscribe(ChannelName, number: UInt64)
        case unsubscribe(ChannelName)
    }

    /// A subscription that the broker has not confirmed yet.
    private final class Asked {
        /// The number of the call, so that a late answer is not taken for that of a later subscription.
        let number: UInt64
        var waiting: [Hub.Waiter] = []

        init(_ number: UInt64) { self.number = number }
    }

    private enum State {
        case asked(Asked)
        case confirmed
        case failed
    }

    private struct Entry {
        var targets: [Target] = []
        var state: State
    }

    private var entries: [ChannelName: Entry] = [:]
    private var calls: Deque<Call> = []
    private var isCalling = false
    private var lastNumber: UInt64 = 0
    private let isInProcess: Bool

    /// - Parameter isInProcess: with a broker in this process, whose publications are received anyway, a subscription
    ///   is in force at once, and nothing is asked for.
    init(isInProcess: Bool) { self.isInProcess = isInProcess }

    var count: Int { self.entries.count }

    func targets(of channel: ChannelName) -> [Target]? { self.entries[channel]?.targets }

    /// Whether publications of a channel are received.
    func isConfirmed(_ channel: ChannelName) -> Bool {
        if case .confirmed = self.entries[channel]?.state { return true }
        return false
    }

    /// Notes the first subscriber of a channel on a loop.
    mutating func add(_ target: Target, to channel: ChannelName) {
        guard self.entries[channel] == nil else {
            self.entries[channel]?.targets.append(target)
            return
        }
        self.entries[channel] = Entry(
            targets: [target], state: self.isInProcess ? .confirmed : .asked(self.ask(for: channel)))
    }

    private mutating func ask(for channel: ChannelName) -> Asked {
        self.lastNumber += 1
        self.calls.append(.subscribe(channel, number: self.lastNumber))
        return Asked(self.lastNumber)
    }

    /// Notes that a loop has no subscriber of a channel any more.
    mutating func remove(_ shard: Hub.Shard, from channel: ChannelName) {
        self.entries[channel]?.targets.removeAll { $0.shard === shard }
        guard self.entries[channel]?.targets.isEmpty == true else { return }
        self.entries[channel] = nil  // its waiters have left
        if !self.isInProcess { self.calls.append(.unsubscribe(channel)) }
        if self.entries.isEmpty { self.entries = [:] }  // a dictionary never shrinks by itself
    }

    /// - Returns: whether the subscription is in force; otherwise the waiter is kept until it is known.
    mutating func wait(for channel: ChannelName, _ waiter: Hub.Waiter) -> Bool {
        switch self.entries[channel]?.state {
        case nil, .confirmed: return true
        case .asked(let asked): asked.waiting.append(waiter)
        case .failed:
            // Not all sessions that were told of the failure have left yet.
            let asked = self.ask(for: channel)
            asked.waiting.append(waiter)
            self.entries[channel]?.state = .asked(asked)
        }
        return false
    }

    /// The broker has answered.
    ///
    /// - Returns: the sessions that wait.
    mutating func answered(_ channel: ChannelName, number: UInt64, isConfirmed: Bool) -> [Hub.Waiter] {
        guard case .asked(let asked) = self.entries[channel]?.state, asked.number == number else { return [] }
        self.entries[channel]?.state = isConfirmed ? .confirmed : .failed
        return asked.waiting
    }

    // MARK: Calls

    /// - Returns: whether the caller is the one to make the calls that wait.
    mutating func beginCalls() -> Bool {
        guard !self.isCalling, !self.calls.isEmpty else { return false }
        self.isCalling = true
        return true
    }

    /// - Returns: the next call; `nil` when all have been made.
    mutating func nextCall() -> Call? {
        let next = self.calls.popFirst()
        if next == nil { self.isCalling = false }
        return next
    }
}
