import DequeModule
import MartletHTTP
import NIOCore
import Synchronization

/// The broker of a single process: everything is in memory, and is gone when the process ends.
///
/// A publication is numbered and kept under one lock. It is handed to the receiver outside the lock, by one thread at a
/// time, in the order of the numbers: a thread that publishes while another one does that leaves its publication to it.
///
/// The epoch of a new history follows from the time, in steps of an eighth of ``HistoryConfiguration/positionAge``. So
/// a channel that was forgotten and begins again has another epoch than before; and a client that was given the epoch
/// of a channel without publications has missed nothing within that time, unless the channel has a history by now.
public final class MemoryBroker: Broker {
    /// The memory of a publication and of a channel beside their texts. Bytes.
    private static let publicationCost = 200
    private static let channelCost = 500
    private static let epochsToRemember: UInt64 = 8
    /// The number of publications that one thread hands on before another goes on.
    private static let handedOnAtOnce = 64

    /// A publication on its way to the receiver.
    private struct Outgoing {
        let publication: Publication
        let channel: ChannelName
        let completion: @Sendable (Result<StreamPosition?, BrokerError>) -> Void
    }

    private struct State {
        weak var receiver: (any BrokerReceiver)?
        /// Publications that wait while a thread hands others on.
        var outgoing: Deque<Outgoing> = []
        var isHandingOn = false
        var streams: [ChannelName: ChannelStream] = [:]
        /// The publications that are kept, by their times.
        var ages = AgeList()
        /// The streams without publications, by the times at which they became so.
        var emptied = AgeList()
        var bytes = 0
        /// Those of ``bytes`` that the streams without publications take.
        var emptiedBytes = 0
        var firstEpoch: UInt64
        var lastTime: Int64
    }

    private let configuration: HistoryConfiguration
    private let now: @Sendable () -> Int64
    private let start: Int64
    private let startedAt: Int
    private let state: Mutex<State>
    /// The position at which every channel of this process began.
    private let beginning: StreamPosition

    public convenience init(_ configuration: HistoryConfiguration = .init()) {
        self.init(configuration, startedAt: Int(UTCTime.now() / 1_000_000_000)) {
            Int64(NIODeadline.now().uptimeNanoseconds)
        }
    }

    /// - Parameters:
    ///   - startedAt: seconds since 1970.
    ///   - now: nanoseconds of a clock that never goes back.
    package init(
        _ configuration: HistoryConfiguration, startedAt: Int = 0, now: @escaping @Sendable () -> Int64
    ) {
        self.startedAt = startedAt
        self.configuration = configuration
        self.now = now
        self.start = now()
        let firstEpoch = UInt64.random(in: 1...(.max / 2))
        self.beginning = StreamPosition(epoch: Self.text(firstEpoch), offset: 0)
        self.state = Mutex(State(firstEpoch: firstEpoch, lastTime: self.start))
    }

    public func attach(_ receiver: any BrokerReceiver) { self.state.withLock { $0.receiver = receiver } }

    /// Runs until its task is cancelled: old publications go even when nothing more is published.
    public func run() async {
        guard self.configuration.isOn else { return }
        while (try? await Task.sleep(for: .seconds(10))) != nil { self.sweep() }
    }

    public var isInProcess: Bool { true }

    /// Confirms at once: every publication of the process is received anyway.
    public func subscribe(to channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
        completion(nil)
    }

    public func unsubscribe(from channel: ChannelName) {}

    public func publish(
        _ data: String, to channel: ChannelName, receipt: ReceiptID,
        completion: @escaping @Sendable (Result<StreamPosition?, BrokerError>) -> Void
    ) {
        guard self.configuration.isOn else {
            let publication = Publication(position: nil, data: data, time: 0, receipt: receipt)
            self.state.withLock { $0.receiver }?.received(publication, in: channel)
            return completion(.success(nil))
        }
        let mine = self.state.withLock { state -> (Outgoing, (any BrokerReceiver)?)? in
            let publication = self.keep(data, in: channel, receipt, &state)
            let outgoing = Outgoing(publication: publication, channel: channel, completion: completion)
            guard !state.isHandingOn else {
                state.outgoing.append(outgoing)
                return nil
            }
            state.isHandingOn = true
            return (outgoing, state.receiver)
        }
        if let (first, receiver) = mine { self.handOn(first, to: receiver) }
    }

    /// Hands publications on until none waits. After a while another thread goes on, so that one publisher does not
    /// work for all others without end.
    private func handOn(_ first: Outgoing, to receiver: (any BrokerReceiver)?) {
        var next = first
        for _ in 0..<Self.handedOnAtOnce {
            receiver?.received(next.publication, in: next.channel)
            next.completion(.success(next.publication.position))
            guard let following = self.nextOutgoing() else { return }
            next = following
        }
        Task { [next] in self.handOn(next, to: receiver) }
    }

    private func nextOutgoing() -> Outgoing? {
        self.state.withLock { state in
            let first = state.outgoing.popFirst()
            if first == nil { state.isHandingOn = false }
            return first
        }
    }

    public func removeHistory(of channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
        self.state.withLock { state in
            let now = self.time(&state)
            while state.streams[channel]?.isEmpty == false { self.removeFirst(of: channel, &state, now) }
        }
        completion(nil)
    }

    public func history(
        of channel: ChannelName, since position: StreamPosition?,
        completion: @escaping @Sendable (Result<History, BrokerError>) -> Void
    ) {
        let history = self.state.withLock { state in
            let now = self.time(&state)
            if let stream = state.streams[channel] {
                var position = position
                if let asked = position, self.isBeginning(asked) { position = self.beginning }
                if let asked = position, asked.offset == 0, self.isRemembered(asked.epoch, at: stream.epoch) {
                    position = StreamPosition(epoch: stream.epoch, offset: 0)  // nothing was there before
                }
                return stream.since(position, oldest: now - self.configuration.age.nanoseconds)
            }
            guard self.configuration.isOn else {
                return History(publications: [], position: nil, isComplete: position == nil)
            }
            let epoch = Self.text(self.epoch(state, now))
            let asked = position.map { self.isBeginning($0) ? self.beginning : $0 }
            return History(
                publications: [], position: StreamPosition(epoch: epoch, offset: 0),
                isComplete: asked.map { $0.offset == 0 && self.isRemembered($0.epoch, at: epoch) } ?? true)
        }
        completion(.success(history))
    }

    /// Forgets what is old, also when nothing is published any more.
    package func sweep() {
        self.state.withLock { state in
            let now = self.time(&state)
            self.forgetOld(&state, now)
        }
    }

    /// Bytes and channels that are kept.
    package var size: (bytes: Int, channels: Int) { self.state.withLock { ($0.bytes, $0.streams.count) } }

    /// Entries of publications that are kept, and of channels without any.
    package var entryCount: Int { self.state.withLock { $0.ages.count + $0.emptied.count } }

    // MARK: Under the lock

    /// Gives a publication its number, and keeps it.
    private func keep(
        _ data: String, in channel: ChannelName, _ receipt: ReceiptID, _ state: inout State
    ) -> Publication {
        let now = self.time(&state)
        self.forgetOld(&state, now)
        let epoch = self.epoch(state, now)
        let (publication, removed, wasEmpty) = Self.append(
            data, receipt, now, limit: self.configuration.size,
            to: &state.streams[channel, default: ChannelStream(channel, epoch: Self.text(epoch))],
            &state.ages, &state.emptied)
        if publication.position?.offset == 1 { state.bytes += Self.cost(channel) }
        if wasEmpty { state.emptiedBytes -= Self.cost(channel) }
        state.bytes += Self.cost(data)
        if let removed { state.bytes -= Self.cost(removed.data) }
        self.makeRoom(&state, now)
        return publication
    }

    /// - Returns: the publication, the one that had to go for it, and whether the stream was without publications.
    private static func append(
        _ data: String, _ receipt: ReceiptID, _ now: Int64, limit: Int, to stream: inout ChannelStream,
        _ ages: inout AgeList, _ emptied: inout AgeList
    ) -> (Publication, removed: Publication?, wasEmpty: Bool) {
        let wasEmpty = stream.emptyPlace != nil
        if let place = stream.emptyPlace {
            emptied.remove(place)
            stream.emptyPlace = nil
        }
        var removed: Publication?
        if stream.count >= limit, let (oldest, place) = stream.removeFirst() {
            ages.remove(place)
            removed = oldest
        }
        return (stream.append(data, receipt, now: now, ages.append(stream.name, now)), removed, wasEmpty)
    }

    /// Returns the time, which never goes back, whatever the order in which threads come here.
    private func time(_ state: inout State) -> Int64 {
        state.lastTime = max(state.lastTime, self.now())
        return state.lastTime
    }

    private func epoch(_ state: State, _ now: Int64) -> UInt64 {
        let step = max(self.configuration.positionAge.nanoseconds / Int64(Self.epochsToRemember), 1)
        return state.firstEpoch &+ UInt64((now - self.start) / step)
    }

    private static func text(_ epoch: UInt64) -> String { String(epoch, radix: 36) }

    /// Whether nothing was published and forgotten since an epoch.
    private func isRemembered(_ epoch: String, at current: String) -> Bool {
        guard let epoch = UInt64(epoch, radix: 36), let current = UInt64(current, radix: 36) else { return false }
        return epoch <= current && current - epoch < Self.epochsToRemember
    }

    /// The time after the planned end of a process within which the next one starts. Seconds.
    private static let restartTime = 10

    /// The time before the planned end of a process at which the next one may start already: a process ends as soon as
    /// its last client has gone. Seconds.
    private static let earliness = 3600

    /// Whether a position is taken for the one at which this process began.
    ///
    /// Nothing is kept from one process to the next, so this is no certainty: of two restarts in a row, both within that
    /// time of the planned end of the first process, the position of the first process is taken for the second's. What
    /// was published in between is lost then, and no gap is told.
    private func isBeginning(_ position: StreamPosition) -> Bool {
        guard let end = position.endOfProcess else { return false }
        // Nothing is added to what a client sends: it may be the greatest of all numbers.
        return (self.startedAt - Self.restartTime...self.startedAt + Self.earliness).contains(end)
    }

    private static func cost(_ channel: ChannelName) -> Int {
        Self.channelCost + channel.text.utf8.count
    }

    private static func cost(_ data: String) -> Int { Self.publicationCost + data.utf8.count }

    private func forgetOld(_ state: inout State, _ now: Int64) {
        while let oldest = state.ages.oldest, oldest.time < now - self.configuration.age.nanoseconds {
            self.removeFirst(of: oldest.channel, &state, now)
        }
        while let oldest = state.emptied.oldest, oldest.time < now - self.configuration.positionAge.nanoseconds {
            self.forget(oldest.channel, &state)
        }
        // A dictionary never shrinks by itself.
        if state.streams.isEmpty, state.streams.capacity > 64 { state.streams = [:] }
    }

    private func makeRoom(_ state: inout State, _ now: Int64) {
        while state.bytes > self.configuration.maximumBytes {
            // Positions of silent channels take half at most: new names, however long, leave the others their history.
            if let silent = state.emptied.oldest,
                state.emptiedBytes > self.configuration.maximumBytes / 2 || state.ages.isEmpty
            {
                self.forgetEarly(silent.channel, &state, now)
            } else if let oldest = state.ages.oldest {
                self.removeFirst(of: oldest.channel, &state, now)
            } else {
                return
            }
        }
    }

    /// Forgets a channel without publications while its position would still be remembered: no epoch of that time is
    /// valid any more then.
    private func forgetEarly(_ channel: ChannelName, _ state: inout State, _ now: Int64) {
        if let epoch = state.streams[channel]?.epoch, self.isRemembered(epoch, at: Self.text(self.epoch(state, now))) {
            state.firstEpoch &+= Self.epochsToRemember + 1
        }
        self.forget(channel, &state)
    }

    /// Removes the oldest publication of a channel. A channel's publications stand in ``State/ages`` in their order.
    private func removeFirst(of channel: ChannelName, _ state: inout State, _ now: Int64) {
        guard let (removed, place) = state.streams[channel]?.removeFirst() else { return }
        state.ages.remove(place)
        state.bytes -= Self.cost(removed.data)
        guard state.streams[channel]?.isEmpty == true else { return }
        state.emptiedBytes += Self.cost(channel)
        let emptyPlace = state.emptied.append(channel, now)
        state.streams[channel]?.emptyPlace = emptyPlace
    }

    /// Forgets a channel without publications.
    private func forget(_ channel: ChannelName, _ state: inout State) {
        guard let stream = state.streams.removeValue(forKey: channel) else { return }
        state.bytes -= Self.cost(channel)
        if let place = stream.emptyPlace {
            state.emptied.remove(place)
            state.emptiedBytes -= Self.cost(channel)
        }
    }
}
