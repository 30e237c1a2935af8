import NIOCore
import Synchronization

/// Who hears what, sharded by event loop: each loop owns its sessions and touches no other's.
///
/// A publication is handed once to each loop that has sessions of its channel. Publications that come while a loop is
/// busy are gathered and go out together, with one system call a session.
final class Hub: Sendable {
    private struct Job {
        let channel: UserChannel
        let message: String
        let delivery: Delivery
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

    private let shards: [Shard]
    private let indexes: [ObjectIdentifier: Int]
    /// Which shards have sessions of a channel, so that nobody else is woken.
    private let directory = Mutex<[UserChannel: Set<Int>]>([:])

    init(group: any EventLoopGroup) {
        self.shards = group.makeIterator().map(Shard.init)
        self.indexes = Dictionary(
            uniqueKeysWithValues: self.shards.enumerated().map { (ObjectIdentifier($1.eventLoop), $0) })
    }

    /// Channels that somebody hears.
    var channelCount: Int { self.directory.withLock { $0.count } }

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
            self.directory.withLock { _ = $0[channel, default: []].insert(index) }
        }
    }

    /// Takes a session of the current event loop out of all its channels.
    func removeAll(_ session: any Session, on eventLoop: any EventLoop) {
        let index = self.index(of: eventLoop)
        let shard = self.shards[index].contents.value
        let emptied = session.places.keys.filter { shard.remove(session, from: $0) }
        guard !emptied.isEmpty else { return }
        self.directory.withLock { directory in
            for channel in emptied {
                directory[channel]?.remove(index)
                if directory[channel]?.isEmpty == true { directory[channel] = nil }
            }
            if directory.isEmpty { directory = [:] }  // a dictionary never shrinks by itself
        }
    }

    /// Publishes to every session of a channel.
    ///
    /// - Returns: how many sessions took the message into their queues.
    func publish(_ message: String, to channel: UserChannel) async -> Int {
        guard self.directory.withLock({ $0[channel] != nil }) else { return 0 }
        return await withCheckedContinuation { continuation in
            // Under one lock, so that publications reach the mailboxes of all loops in the same order.
            let asleep = self.directory.withLock { directory -> [Shard]? in
                guard let targets = directory[channel] else { return nil }
                let job = Job(
                    channel: channel,
                    message: message,
                    delivery: Delivery(shardCount: targets.count, continuation)
                )
                return targets.map { self.shards[$0] }.filter { Self.enqueue(job, on: $0) }
            }
            guard let asleep else {
                continuation.resume(returning: 0)
                return
            }
            for shard in asleep { shard.eventLoop.execute { Self.work(shard) } }
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
    private static func work(_ shard: Shard) {
        let jobs = shard.mailbox.withLock { mailbox in
            mailbox.isLoopAwake = false
            defer { mailbox.jobs = [] }
            return mailbox.jobs
        }
        var batches: [UserChannel: (batch: PublicationBatch, deliveries: [Delivery])] = [:]
        for job in jobs {
            batches[job.channel, default: (PublicationBatch(), [])].batch.append(job.message)
            batches[job.channel]?.deliveries.append(job.delivery)
        }
        for (channel, (batch, deliveries)) in batches {
            let counts = shard.contents.value.publish(batch, to: channel)
            for (delivery, count) in zip(deliveries, counts) { delivery.shardIsDone(count) }
        }
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
