import NIOCore
import Synchronization

/// Who hears what, sharded by event loop: each loop owns its sessions and touches no other's.
///
/// A publication is handed once to each loop that has sessions of its channel. Publications that come while a loop is
/// busy are gathered and go out together, with one system call a session; ``DeliveryPace`` says when none are waited for.
final class Hub: PublicationReceiver {
    /// More sessions than these are always worth waiting for what else comes.
    private static let sessionsAtOnce = 8

    private struct Job {
        let sessions: ChannelSessions
        let publication: Publication
        let receipt: PublishReceipt
    }

    private struct Mailbox {
        var jobs: [Job] = []
        var isLoopAwake = false
    }

    private final class Shard: Sendable {
        let eventLoop: any EventLoop
        let contents: NIOLoopBoundBox<HubShard>
        let mailbox = Mutex(Mailbox())

        init(_ eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
            self.contents = .makeBoxSendingValue(HubShard(), eventLoop: eventLoop)
        }
    }

    /// A channel's sessions on one loop.
    private struct Target {
        let shard: Shard
        let sessions: ChannelSessions
    }

    private let counters: PushCounters
    private let shards: [Shard]
    private let indexes: [ObjectIdentifier: Int]
    /// Where a channel has sessions, so that nobody else is woken.
    private let directory = Mutex<[UserChannel: [Target]]>([:])

    init(group: any EventLoopGroup, counters: PushCounters) {
        self.counters = counters
        self.shards = group.makeIterator().map(Shard.init)
        self.indexes = Dictionary(
            uniqueKeysWithValues: self.shards.enumerated().map { (ObjectIdentifier($1.eventLoop), $0) })
    }

    /// Channels that somebody hears.
    var channelCount: Int { self.directory.withLock { $0.count } }

    /// Users of those channels. Takes time in proportion to the channels.
    var userCount: Int { Set(self.directory.withLock { $0.keys.map(\.exactUser) }).count }

    private func index(of eventLoop: any EventLoop) -> Int {
        guard let index = self.indexes[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a session on an event loop that is not of the hub's group")
        }
        return index
    }

    /// Adds a session of the current event loop to a channel.
    func add(_ session: any Session, to channel: UserChannel, on eventLoop: any EventLoop) {
        let shard = self.shards[self.index(of: eventLoop)]
        guard let sessions = shard.contents.value.add(session, to: channel) else { return }
        let target = Target(shard: shard, sessions: sessions)
        self.directory.withLock { $0[channel, default: []].append(target) }
    }

    /// Of the current event loop.
    func wheel(on eventLoop: any EventLoop) -> HeartbeatWheel {
        self.shards[self.index(of: eventLoop)].contents.value.wheel(on: eventLoop)
    }

    /// Takes a session of the current event loop out of all its channels.
    func removeAll(_ session: any Session, on eventLoop: any EventLoop) {
        let shard = self.shards[self.index(of: eventLoop)]
        let contents = shard.contents.value
        let emptied = session.places.keys.filter { contents.remove(session, from: $0) }
        guard !emptied.isEmpty else { return }
        self.directory.withLock { directory in
            for channel in emptied {
                directory[channel]?.removeAll { $0.shard === shard }
                if directory[channel]?.isEmpty == true { directory[channel] = nil }
            }
            if directory.isEmpty { directory = [:] }  // a dictionary never shrinks by itself
        }
    }

    /// Hands a publication to the loops whose sessions hear its channel.
    func receive(
        _ publication: Publication, in channel: UserChannel, receipt: PublishReceipt
    ) -> (@Sendable () -> Void)? {
        // Under one lock, so that publications reach the mailboxes of all loops in the same order.
        var asleep: Target?
        var others: [Target] = []
        let isHeard = self.directory.withLock { directory in
            guard let targets = directory[channel] else { return false }
            // Before anybody can be done with it.
            receipt.wasAccepted(at: publication.position, shardCount: targets.count)
            for target in targets {
                let job = Job(sessions: target.sessions, publication: publication, receipt: receipt)
                guard Self.enqueue(job, on: target.shard) else { continue }
                if asleep == nil { asleep = target } else { others.append(target) }
            }
            return true
        }
        guard isHeard else { return { receipt.wasAccepted(at: publication.position, shardCount: 0) } }
        guard let asleep else { return nil }
        return { [others] in
            self.wake(asleep)
            for target in others { self.wake(target) }
        }
    }

    /// - Returns: whether the loop must be woken.
    private static func enqueue(_ job: Job, on shard: Shard) -> Bool {
        shard.mailbox.withLock { mailbox in
            mailbox.jobs.append(job)
            defer { mailbox.isLoopAwake = true }
            return !mailbox.isLoopAwake
        }
    }

    private func wake(_ target: Target) {
        let shard = target.shard
        if shard.eventLoop.inEventLoop {
            let contents = shard.contents.value
            // Not in the middle of another delivery: some sessions would get this one first.
            if !contents.isDelivering, target.sessions.count <= Self.sessionsAtOnce,
                contents.pace.mayDeliverAtOnce()
            {
                self.work(shard, contents)
                return
            }
        }
        shard.eventLoop.execute {
            let contents = shard.contents.value
            contents.pace.gathered(self.work(shard, contents))
        }
    }

    /// Does what has gathered in the mailbox. Publications of a channel keep their order.
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
        if jobs.count == 1 {
            // As for most pushes on a quiet service.
            let job = jobs[0]
            let batch = PublicationBatch(job.sessions.channel, job.publication)
            job.receipt.shardIsDone(job.sessions.deliverOne(batch, self.counters))
            return 1
        }
        var batches:
            [ObjectIdentifier: (sessions: ChannelSessions, batch: PublicationBatch, receipts: [PublishReceipt])] =
                [:]
        for job in jobs {
            let id = ObjectIdentifier(job.sessions)
            var gathered =
                batches.removeValue(forKey: id) ?? (job.sessions, PublicationBatch(job.sessions.channel), [])
            gathered.batch.append(job.publication)
            gathered.receipts.append(job.receipt)
            batches[id] = gathered
        }
        for (sessions, batch, receipts) in batches.values {
            let counts = sessions.deliver(batch, self.counters)
            for (receipt, count) in zip(receipts, counts) { receipt.shardIsDone(count) }
        }
        return jobs.count
    }

    /// Sessions whose user or address has a text in it, up to a number of them.
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

    /// - Returns: whether it was there.
    func drop(session id: SessionID, of user: String) async -> Bool {
        for shard in self.shards {
            let isFound = try? await shard.eventLoop.submit {
                guard let session = shard.contents.value.sessions(user: user, event: nil).first(where: { $0.id == id })
                else { return false }
                session.drop()
                return true
            }.get()
            if isFound == true { return true }
        }
        return false
    }

    /// Ends the connections of a user, of one event or of all.
    ///
    /// - Returns: how many.
    func drop(user: String, event: String?) async -> Int {
        var count = 0
        for shard in self.shards {
            let dropped = try? await shard.eventLoop.submit {
                let sessions = shard.contents.value.sessions(user: user, event: event)
                for session in sessions { session.drop() }
                return sessions.count
            }.get()
            count += dropped ?? 0
        }
        return count
    }
}
