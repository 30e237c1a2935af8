import FoundationEssentials
import NIOCore
import NIOPosix
import Synchronization

@testable import MartletPush

/// A broker in another process, as it may be on a bad day: slow, failing now and then, and restarted, after which
/// everything that was kept is gone. It keeps the promises of ``Broker`` all the same, unless it has a fault.
final class UnreliableBroker: Broker {
    /// A promise that is broken, for tests of the suite.
    enum Fault: CaseIterable {
        /// A subscription is confirmed and not made.
        case deafSubscription
        /// A subscription is never answered.
        case silentSubscription
        /// A history leaves its last publication out.
        case shortHistory
        /// A history that is not complete says that it is.
        case boastfulHistory
        /// A history is never answered.
        case silentHistory
        /// A publication comes back without its receipt.
        case lostReceipt
        /// A publication that failed for certain is published.
        case falseFailure
        /// A publication is never confirmed.
        case silentPublish
        /// A publication is handed on twice.
        case doubled
        /// Two publications change places.
        case reordered
        /// A restart is not told.
        case silentRestart
        /// No node is subscribed any more after a restart.
        case forgetfulRestart
        /// It goes on when it is to end.
        case endless
        /// It keeps publications of a history that was removed.
        case stubbornHistory
    }

    private struct State {
        var base: MemoryBroker
        /// The receiver that the base hands its publications to; the base holds it weakly.
        var relay: Relay
        var subscriptions: Set<ChannelName> = []
        weak var receiver: (any BrokerReceiver)?
        var random: SystemRandomNumberGenerator = .init()
        var count = 0
        var published = 0
        var heldBack: (Publication, ChannelName)?
    }

    /// Hands the publications of one life of the broker on.
    private final class Relay: BrokerReceiver {
        private let isOver = Atomic(false)
        private let handOn: @Sendable (Publication, ChannelName) -> Void

        init(_ handOn: @escaping @Sendable (Publication, ChannelName) -> Void) { self.handOn = handOn }

        func end() { self.isOver.store(true, ordering: .sequentiallyConsistent) }

        func received(_ publication: Publication, in channel: ChannelName) {
            if !self.isOver.load(ordering: .sequentiallyConsistent) { self.handOn(publication, channel) }
        }

        func interrupted(_ channels: [ChannelName]?) {}
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    /// The event loop on which everything happens, in the order of the calls.
    private let eventLoop: any EventLoop
    private let history: HistoryConfiguration
    private let fault: Fault?
    /// The number of calls that fail, of a hundred.
    private let failures: Int
    private let state: Mutex<State>

    init(_ history: HistoryConfiguration = .init(), failures: Int = 0, fault: Fault? = nil) {
        self.eventLoop = self.group.next()
        self.history = history
        self.failures = failures
        self.fault = fault
        self.state = Mutex(State(base: MemoryBroker(history), relay: Relay { _, _ in }))
        self.begin()
    }

    deinit { self.group.shutdownGracefully { _ in } }

    let isInProcess = false

    func attach(_ receiver: any BrokerReceiver) { self.state.withLock { $0.receiver = receiver } }

    func run() async throws {
        while (try? await Task.sleep(for: .milliseconds(2))) != nil {}
        if self.fault == .endless { _ = await Task.detached { try? await Task.sleep(for: .seconds(3)) }.value }
    }

    /// Begins a new life, in which nothing is known of the one before.
    private func begin() {
        let relay = Relay { [weak self] in self?.handOn($0, in: $1) }
        self.state.withLock { state in
            state.relay.end()
            state.relay = relay
            state.base = MemoryBroker(self.history)
            state.base.attach(relay)
        }
    }

    /// Stops, loses everything, and comes back. What is published in the meantime fails or reaches no subscriber.
    func restart() async {
        try? await self.eventLoop.submit {
            let subscriptions = self.state.withLock { state in
                defer { state.subscriptions = [] }
                return state.subscriptions
            }
            self.begin()
            // Others publish while the subscriptions are made again.
            self.eventLoop.scheduleTask(in: .milliseconds(2)) {
                let receiver = self.state.withLock { state in
                    if self.fault != .forgetfulRestart { state.subscriptions.formUnion(subscriptions) }
                    return state.receiver
                }
                if self.fault != .silentRestart { receiver?.interrupted(nil) }
            }
        }.get()
    }

    private func handOn(_ publication: Publication, in channel: ChannelName) {
        let (receiver, isFaulty) = self.state.withLock { state -> ((any BrokerReceiver)?, Bool) in
            guard state.subscriptions.contains(channel) else { return (nil, false) }
            state.count += 1
            return (state.receiver, state.count.isMultiple(of: 7))
        }
        guard let receiver else { return }
        switch self.fault {
        case .doubled where isFaulty:
            receiver.received(publication, in: channel)
            receiver.received(publication, in: channel)
        case .lostReceipt:
            receiver.received(
                Publication(position: publication.position, data: publication.data, time: publication.time),
                in: channel)
        case .reordered:
            let held = self.state.withLock { state in
                defer { state.heldBack = state.heldBack == nil && isFaulty ? (publication, channel) : nil }
                return state.heldBack
            }
            if held != nil || !isFaulty { receiver.received(publication, in: channel) }
            if let held { receiver.received(held.0, in: held.1) }
        default: receiver.received(publication, in: channel)
        }
    }

    /// Does something after a while, behind everything that was asked for before.
    private func later(_ work: @escaping @Sendable () -> Void) {
        self.eventLoop.execute {
            if self.dice() < 5 { usleep(UInt32(self.dice() * 10)) }
            work()
        }
    }

    private func dice() -> Int { self.state.withLock { Int.random(in: 0..<100, using: &$0.random) } }

    private func error(mayHaveHappened: Bool) -> BrokerError {
        BrokerError(
            mayHaveHappened ? .timedOut : .unavailable, reason: "it is one of those days",
            mayHaveHappened: mayHaveHappened)
    }

    func publish(
        _ data: String, to channel: ChannelName, receipt: ReceiptID,
        completion: @escaping @Sendable (Result<StreamPosition?, BrokerError>) -> Void
    ) {
        self.later {
            let (failing, kind) = (self.dice() < self.failures, self.dice())
            let (base, isThird) = self.state.withLock { state in
                state.published += 1
                return (state.base, state.published.isMultiple(of: 3))
            }
            if failing, kind < 50 {
                if self.fault == .falseFailure { base.publish(data, to: channel, receipt: receipt) { _ in } }
                return completion(.failure(self.error(mayHaveHappened: false)))
            }
            base.publish(data, to: channel, receipt: receipt) { result in
                if self.fault == .silentPublish, isThird { return }
                completion(failing ? .failure(self.error(mayHaveHappened: true)) : result)
            }
        }
    }

    func subscribe(to channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
        self.later {
            if self.dice() < self.failures { return completion(self.error(mayHaveHappened: true)) }
            if self.fault == .silentSubscription { return }
            if self.fault != .deafSubscription { self.state.withLock { _ = $0.subscriptions.insert(channel) } }
            completion(nil)
        }
    }

    func unsubscribe(from channel: ChannelName) {
        self.later { self.state.withLock { _ = $0.subscriptions.remove(channel) } }
    }

    func history(
        of channel: ChannelName, since position: StreamPosition?,
        completion: @escaping @Sendable (Result<History, BrokerError>) -> Void
    ) {
        self.later {
            if self.dice() < self.failures { return completion(.failure(self.error(mayHaveHappened: false))) }
            if self.fault == .silentHistory { return }
            self.state.withLock { $0.base }.history(of: channel, since: position) { result in
                guard case .success(var history) = result else { return completion(result) }
                if self.fault == .shortHistory, !history.publications.isEmpty { history.publications.removeLast() }
                if self.fault == .boastfulHistory { history.isComplete = true }
                completion(.success(history))
            }
        }
    }

    func removeHistory(of channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
        self.later {
            if self.fault == .stubbornHistory { return completion(nil) }
            self.state.withLock { $0.base }.removeHistory(of: channel, completion: completion)
        }
    }
}
