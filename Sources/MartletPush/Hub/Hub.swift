import NIOCore
import Synchronization

/// The subscribers of this node, sharded by event loop: each loop owns its sessions and touches no other's.
///
/// A publication is handed once to each loop that has subscribers of its channel. Publications that come while a loop
/// is busy are gathered and go out together, with one system call a session; ``DeliveryPace`` says when none are waited
/// for.
final class Hub: BrokerReceiver {
    /// The number of sessions up to which a publication may be delivered at once; with more, it is always worth waiting
    /// for what else comes.
    private static let sessionsAtOnce = 8

    fileprivate struct Delivery {
        let subscribers: ChannelSubscribers
        let publication: Publication
        let receipt: PublishReceipt?
    }

    fileprivate enum Job {
        case deliver(Delivery)
        /// Publications of these channels may be missing; `nil` for all.
        case interrupt([ChannelName]?)
    }

    struct Mailbox {
        fileprivate var jobs: [Job] = []
        fileprivate var isLoopAwake = false
    }

    final class Shard: Sendable {
        let eventLoop: any EventLoop
        let contents: NIOLoopBoundBox<HubShard>
        let mailbox = Mutex(Mailbox())

        init(_ eventLoop: any EventLoop, heartbeat: TimeAmount) {
            self.eventLoop = eventLoop
            self.contents = .makeBoxSendingValue(
                HubShard(heartbeats: HeartbeatWheel(interval: heartbeat, eventLoop: eventLoop)), eventLoop: eventLoop)
        }
    }

    /// A session that waits for the node's subscription to a channel.
    struct Waiter: Sendable {
        let eventLoop: any EventLoop
        let completion: NIOLoopBound<(BrokerError?) -> Void>

        func tell(_ error: BrokerError?) {
            if self.eventLoop.inEventLoop { return self.completion.value(error) }
            self.eventLoop.execute { self.completion.value(error) }
        }
    }

    private let broker: any Broker
    private let counters: PushCounters
    private let receipts: PublishReceipts
    private let shards: [Shard]
    private let indexes: [ObjectIdentifier: Int]
    private let directory: Mutex<ChannelDirectory>

    init(
        group: any EventLoopGroup, broker: any Broker, counters: PushCounters = PushCounters(),
        receipts: PublishReceipts = PublishReceipts(), heartbeat: TimeAmount = .seconds(15)
    ) {
        self.broker = broker
        self.counters = counters
        self.receipts = receipts
        self.directory = Mutex(ChannelDirectory(isInProcess: broker.isInProcess))
        self.shards = group.makeIterator().map { Shard($0, heartbeat: heartbeat) }
        self.indexes = Dictionary(
            uniqueKeysWithValues: self.shards.enumerated().map { (ObjectIdentifier($1.eventLoop), $0) })
    }

    /// Channels that have subscribers.
    var channelCount: Int { self.directory.withLock { $0.count } }

    private func shard(of eventLoop: any EventLoop) -> Shard {
        guard let index = self.indexes[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a session on an event loop that is not of the hub's group")
        }
        return self.shards[index]
    }

    func heartbeats(on eventLoop: any EventLoop) -> HeartbeatWheel {
        self.shard(of: eventLoop).contents.value.heartbeats
    }

    // MARK: Subscribing

    /// Adds a session of the current event loop to a channel.
    ///
    /// - Parameters:
    ///   - encoding: `nil` for a session that is asked each time.
    ///   - completion: called on the event loop, perhaps at once, when the subscription is in force or has failed; not
    ///     when the session has left the channel before.
    func subscribe(
        _ session: any Subscriber, to channel: ChannelName, _ encoding: PublicationEncoding?,
        on eventLoop: any EventLoop, completion: @escaping (BrokerError?) -> Void
    ) {
        let shard = self.shard(of: eventLoop)
        if let subscribers = shard.contents.value.add(session, to: channel, encoding) {
            self.directory.withLock { $0.add(.init(shard: shard, subscribers: subscribers), to: channel) }
            self.makeCalls()
        }
        if self.directory.withLock({ $0.isConfirmed(channel) }) { return completion(nil) }
        let waiter = Waiter(eventLoop: eventLoop, completion: NIOLoopBound(completion, eventLoop: eventLoop))
        if self.directory.withLock({ $0.wait(for: channel, waiter) }) { return completion(nil) }
        self.makeCalls()
    }

    /// Changes the encoding of a subscription.
    func change(
        _ session: any Subscriber, in channel: ChannelName, to encoding: PublicationEncoding?,
        on eventLoop: any EventLoop
    ) {
        self.shard(of: eventLoop).contents.value.change(session, in: channel, to: encoding)
    }

    /// Takes a session of the current event loop out of some of its channels.
    ///
    /// - Parameter channels: `nil` for all.
    func unsubscribe(_ session: any Subscriber, from channels: [ChannelName]? = nil, on eventLoop: any EventLoop) {
        let shard = self.shard(of: eventLoop)
        let contents = shard.contents.value
        let emptied = (channels ?? Array(session.places.keys)).filter { contents.remove(session, from: $0) }
        guard !emptied.isEmpty else { return }
        self.directory.withLock { directory in
            for channel in emptied { directory.remove(shard, from: channel) }
        }
        self.makeCalls()
    }

    /// Makes the calls to the broker that wait, unless another thread is at it.
    private func makeCalls() {
        guard self.directory.withLock({ $0.beginCalls() }) else { return }
        while let call = self.directory.withLock({ $0.nextCall() }) {
            switch call {
            case .unsubscribe(let channel): self.broker.unsubscribe(from: channel)
            case .subscribe(let channel, let number):
                self.broker.subscribe(to: channel) { [weak self] error in
                    let waiting = self?.directory.withLock {
                        $0.answered(channel, number: number, isConfirmed: error == nil)
                    }
                    for waiter in waiting ?? [] { waiter.tell(error) }
                }
            }
        }
    }

    // MARK: BrokerReceiver

    /// Hands a publication to the loops with subscribers of its channel.
    func received(_ publication: Publication, in channel: ChannelName) {
        let receipt = publication.receipt.flatMap { self.receipts[$0] }
        // Under one lock, so that publications reach the mailboxes of all loops in the same order.
        var asleep: ChannelDirectory.Target?
        var others: [ChannelDirectory.Target] = []
        let hasSubscribers = self.directory.withLock { directory in
            guard let targets = directory.targets(of: channel) else { return false }
            // Before any shard can be done with it.
            receipt?.received(shardCount: targets.count)
            for target in targets {
                let delivery = Delivery(subscribers: target.subscribers, publication: publication, receipt: receipt)
                guard Self.enqueue(.deliver(delivery), on: target.shard) else { continue }
                if asleep == nil { asleep = target } else { others.append(target) }
            }
            return true
        }
        guard hasSubscribers else {
            receipt?.received(shardCount: 0)
            return
        }
        if let asleep { self.wake(asleep) }
        for target in others { self.wake(target) }
    }

    func interrupted(_ channels: [ChannelName]?) {
        self.receipts.interrupted()
        // In the order of what was received before and what comes after: under the lock of the directory, as
        // publications.
        let asleep = self.directory.withLock { _ in
            self.shards.filter { Self.enqueue(.interrupt(channels), on: $0) }
        }
        for shard in asleep { self.workSoon(shard) }
    }

    /// Whether publications of a channel are received on this node.
    func isSubscribed(to channel: ChannelName) -> Bool { self.directory.withLock { $0.isConfirmed(channel) } }

    // MARK: Delivering

    /// - Returns: whether the loop must be woken.
    private static func enqueue(_ job: Job, on shard: Shard) -> Bool {
        shard.mailbox.withLock { mailbox in
            mailbox.jobs.append(job)
            defer { mailbox.isLoopAwake = true }
            return !mailbox.isLoopAwake
        }
    }

    private func wake(_ target: ChannelDirectory.Target) {
        let shard = target.shard
        if shard.eventLoop.inEventLoop {
            let contents = shard.contents.value
            // Not in the middle of another delivery: some sessions would get this one first.
            if !contents.isDelivering, target.subscribers.count <= Self.sessionsAtOnce,
                contents.pace.mayDeliverAtOnce()
            {
                self.work(shard, contents)
                return
            }
        }
        self.workSoon(shard)
    }

    private func workSoon(_ shard: Shard) {
        shard.eventLoop.execute {
            let contents = shard.contents.value
            contents.pace.gathered(self.work(shard, contents))
        }
    }

    /// Does the jobs that have gathered in the mailbox. Publications of a channel keep their order.
    ///
    /// - Returns: how many there were.
    @discardableResult
    private func work(_ shard: Shard, _ contents: HubShard) -> Int {
        let jobs = shard.mailbox.withLock { mailbox in
            mailbox.isLoopAwake = false
            defer { mailbox.jobs = [] }
            return mailbox.jobs
        }
        contents.isDelivering = true
        defer { contents.isDelivering = false }
        if jobs.count == 1, case .deliver(let delivery) = jobs[0] {
            // As for most pushes on a quiet service.
            let batch = PublicationBatch(delivery.subscribers.channel, delivery.publication)
            let count = delivery.subscribers.deliverOne(batch, self.counters)
            delivery.receipt?.shardIsDone(count)
            return 1
        }
        var gathered = Gathered()
        for job in jobs {
            switch job {
            case .deliver(let delivery): gathered.add(delivery)
            case .interrupt(let channels):
                gathered.deliver(self.counters)
                gathered = Gathered()
                contents.interrupt(channels)
            }
        }
        gathered.deliver(self.counters)
        return jobs.count
    }

    /// Publications of one turn, by channel.
    private struct Gathered {
        private var batches:
            [ObjectIdentifier: (
                subscribers: ChannelSubscribers, batch: PublicationBatch, receipts: [PublishReceipt?]
            )] = [:]

        mutating func add(_ delivery: Delivery) {
            let (subscribers, id) = (delivery.subscribers, ObjectIdentifier(delivery.subscribers))
            var one = self.batches.removeValue(forKey: id) ?? (subscribers, PublicationBatch(subscribers.channel), [])
            one.batch.append(delivery.publication)
            one.receipts.append(delivery.receipt)
            self.batches[id] = one
        }

        func deliver(_ counters: PushCounters) {
            for (subscribers, batch, receipts) in self.batches.values {
                let counts = subscribers.deliver(batch, counters)
                for (receipt, count) in zip(receipts, counts) { receipt?.shardIsDone(count) }
            }
        }
    }

    // MARK: Operators

    /// Returns the sessions whose user or address contains a text, up to a number of them.
    func sessions(matching text: String, limit: Int) async -> [SessionInformation] {
        var found: [SessionInformation] = []
        for shard in self.shards where found.count < limit {
            let rest = limit - found.count
            let part = try? await shard.eventLoop.submit {
                shard.contents.value.sessions(matching: text, limit: rest)
            }.get()
            found += part ?? []
        }
        return found
    }

    /// Returns the sessions of a user, up to a number of them.
    func sessions(of user: String, limit: Int) async -> [SessionInformation] {
        var found: [SessionInformation] = []
        for shard in self.shards where found.count < limit {
            let rest = limit - found.count
            let part = try? await shard.eventLoop.submit { () -> [SessionInformation] in
                let sessions = shard.contents.value.sessions(user: user, event: nil)
                return Array(sessions.lazy.compactMap { $0.information }.prefix(rest))
            }.get()
            found += part ?? []
        }
        return found
    }

    /// Lists channels with their subscribers. A channel with subscribers on several event loops is listed once for each.
    ///
    /// - Parameter limit: channels that are listed for each event loop, so that a long list does not hold it up.
    /// - Returns: the channels, and whether these are all.
    func channels(limit: Int) async -> (channels: [ChannelInformation], isComplete: Bool) {
        var found: [ChannelInformation] = []
        var isComplete = true
        for shard in self.shards {
            let part = try? await shard.eventLoop.submit { shard.contents.value.listChannels(limit: limit) }.get()
            found += part?.channels ?? []
            isComplete = isComplete && part?.isComplete ?? false
        }
        return (found, isComplete)
    }

    /// - Returns: whether it was there.
    func disconnect(session id: SessionID, of user: String) async -> Bool {
        for shard in self.shards {
            let isFound = try? await shard.eventLoop.submit {
                guard let session = shard.contents.value.sessions(user: user, event: nil).first(where: { $0.id == id })
                else { return false }
                session.disconnect()
                return true
            }.get()
            if isFound == true { return true }
        }
        return false
    }

    /// Ends the sessions of a user, of one event or of all.
    ///
    /// - Returns: how many sessions were ended.
    func disconnect(user: String, event: String?) async -> Int {
        var count = 0
        for shard in self.shards {
            let ended = try? await shard.eventLoop.submit {
                let sessions = shard.contents.value.sessions(user: user, event: event)
                for session in sessions { session.disconnect() }
                return sessions.count
            }.get()
            count += ended ?? 0
        }
        return count
    }
}
