import NIOCore
import Synchronization

/// Who hears what, sharded by event loop: each loop owns its sessions and touches no other's.
///
/// A publication is handed once to each loop that has sessions of its channel. Publications that come while a loop is
/// busy are gathered and go out together, with one system call a session.
final class Hub: PublicationReceiver {
    private struct Job {
        let channel: UserChannel
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

    private let counters: PushCounters
    private let shards: [Shard]
    private let indexes: [ObjectIdentifier: Int]
    /// Which shards have sessions of a channel, so that nobody else is woken.
    private let directory = Mutex<[UserChannel: [Int]]>([:])

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
        let index = self.index(of: eventLoop)
        if self.shards[index].contents.value.add(session, to: channel) {
            self.directory.withLock { directory in
                if directory[channel]?.contains(index) != true { directory[channel, default: []].append(index) }
            }
        }
    }

    /// Of the current event loop.
    func wheel(on eventLoop: any EventLoop) -> HeartbeatWheel {
        self.shards[self.index(of: eventLoop)].contents.value.wheel(on: eventLoop)
    }

    /// Takes a session of the current event loop out of all its channels.
    func removeAll(_ session: any Session, on eventLoop: any EventLoop) {
        let index = self.index(of: eventLoop)
        let shard = self.shards[index].contents.value
        let emptied = session.places.keys.filter { shard.remove(session, from: $0) }
        guard !emptied.isEmpty else { return }
        self.directory.withLock { directory in
            for channel in emptied {
                directory[channel]?.removeAll { $0 == index }
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
        var asleep: [Shard] = []
        let isHeard = self.directory.withLock { directory in
            guard let targets = directory[channel] else { return false }
            // Before anybody can be done with it.
            receipt.wasAccepted(at: publication.position, shardCount: targets.count)
            let job = Job(channel: channel, publication: publication, receipt: receipt)
            for target in targets where Self.enqueue(job, on: self.shards[target]) {
                asleep.append(self.shards[target])
            }
            return true
        }
        guard isHeard else { return { receipt.wasAccepted(at: publication.position, shardCount: 0) } }
        guard !asleep.isEmpty else { return nil }
        return { [asleep] in
            for shard in asleep { shard.eventLoop.execute { self.work(shard) } }
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

    /// Does what has gathered in the mailbox. Publications of a channel keep their order.
    private func work(_ shard: Shard) {
        let contents = shard.contents.value
        let jobs = shard.mailbox.withLock { mailbox in
            mailbox.isLoopAwake = false
            defer { mailbox.jobs = [] }
            return mailbox.jobs
        }
        if jobs.count == 1 {
            // As for most pushes on a quiet service.
            let job = jobs[0]
            let count = contents.publish(
                PublicationBatch(job.channel, job.publication), to: job.channel, self.counters)[0]
            return job.receipt.shardIsDone(count)
        }
        var batches: [UserChannel: (batch: PublicationBatch, receipts: [PublishReceipt])] = [:]
        for job in jobs {
            var (batch, receipts) = batches.removeValue(forKey: job.channel) ?? (PublicationBatch(job.channel), [])
            batch.append(job.publication)
            receipts.append(job.receipt)
            batches[job.channel] = (batch, receipts)
        }
        for (channel, (batch, receipts)) in batches {
            let counts = contents.publish(batch, to: channel, self.counters)
            for (receipt, count) in zip(receipts, counts) { receipt.shardIsDone(count) }
        }
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
