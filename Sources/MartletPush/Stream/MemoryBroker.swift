import DequeModule
import NIOCore
import Synchronization

/// The broker of a single process: everything is in memory, and is gone when the process ends.
///
/// A publication is numbered, kept and handed to the receiver under one lock, so that all of them see one order.
///
/// The epoch of a new stream follows from the time, in steps of an eighth of the time for which an empty stream is
/// remembered. So a channel that was forgotten and begins anew has another epoch than before; and whoever was told the
/// epoch of a channel in which nothing had been published has missed nothing for so long, unless there is a stream.
package final class MemoryBroker: Broker {
    /// What a publication and a channel cost beside their texts. Bytes.
    private static let publicationCost = 100
    private static let channelCost = 400
    private static let epochsToRemember: UInt64 = 8

    /// What is to be looked at when its time has come.
    private struct Reminder {
        let channel: UserChannel
        let time: Int64
    }

    private struct State {
        var streams: [UserChannel: ChannelStream] = [:]
        /// One for each publication that is kept, the oldest first; some are for publications that have gone already.
        var ages: Deque<Reminder> = []
        /// One for each time that a stream became empty, the oldest first.
        var emptied: Deque<Reminder> = []
        var bytes = 0
        var firstEpoch: UInt64
        var lastTime: Int64
    }

    private let configuration: HistoryConfiguration
    private let now: @Sendable () -> Int64
    private let start: Int64
    private let state: Mutex<State>
    private let receiver: Mutex<(any PublicationReceiver)?> = .init(nil)

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package init(
        _ configuration: HistoryConfiguration = .init(),
        now: @escaping @Sendable () -> Int64 = { Int64(NIODeadline.now().uptimeNanoseconds) }
    ) {
        self.configuration = configuration
        self.now = now
        self.start = now()
        self.state = Mutex(State(firstEpoch: UInt64.random(in: 1...(.max / 2)), lastTime: self.start))
    }

    /// Who is told of publications.
    package func setReceiver(_ receiver: any PublicationReceiver) { self.receiver.withLock { $0 = receiver } }

    package func publish(_ data: String, to channel: UserChannel, receipt: PublishReceipt) {
        guard let receiver = self.receiver.withLock({ $0 }) else {
            return receipt.wasAccepted(at: nil, shardCount: 0)
        }
        guard self.configuration.isOn else {
            receiver.receive(Publication(position: nil, data: data, time: 0), in: channel, receipt: receipt)?()
            return
        }
        let work = self.state.withLock { state -> (@Sendable () -> Void)? in
            let now = self.time(&state)
            self.forgetOld(&state, now)
            let epoch = self.epoch(state, now)
            let (publication, count) = state.streams[channel, default: ChannelStream(epoch: epoch)].append(
                data, now: now)
            if publication.position?.offset == 1 { state.bytes += Self.cost(channel) }
            state.bytes += Self.cost(data)
            state.ages.append(Reminder(channel: channel, time: now))
            if count > self.configuration.size { self.removeFirst(of: channel, &state, now) }
            self.makeRoom(&state, now)
            return receiver.receive(publication, in: channel, receipt: receipt)
        }
        work?()
    }

    package func history(
        of channel: UserChannel, since position: StreamPosition?, completion: @escaping @Sendable (History) -> Void
    ) {
        let history = self.state.withLock { state in
            let now = self.time(&state)
            if let stream = state.streams[channel] {
                var position = position
                if let asked = position, asked.offset == 0, self.isRemembered(asked.epoch, at: stream.epoch) {
                    position = StreamPosition(epoch: stream.epoch, offset: 0)  // nothing was there before
                }
                return stream.since(position, oldest: now - self.configuration.age.nanoseconds)
            }
            guard self.configuration.isOn else {
                return History(publications: [], position: nil, isComplete: position == nil)
            }
            let epoch = self.epoch(state, now)
            return History(
                publications: [], position: StreamPosition(epoch: epoch, offset: 0),
                isComplete: position.map { $0.offset == 0 && self.isRemembered($0.epoch, at: epoch) } ?? true)
        }
        completion(history)
    }

    /// To be called now and then: what is old goes, also when nothing is published any more.
    package func sweep() {
        self.state.withLock { state in
            let now = self.time(&state)
            self.forgetOld(&state, now)
        }
    }

    /// Bytes and channels that are kept.
    package var size: (bytes: Int, channels: Int) { self.state.withLock { ($0.bytes, $0.streams.count) } }

    // MARK: Under the lock

    /// Never goes back, whatever the order in which threads come here.
    private func time(_ state: inout State) -> Int64 {
        state.lastTime = max(state.lastTime, self.now())
        return state.lastTime
    }

    private func epoch(_ state: State, _ now: Int64) -> UInt64 {
        let step = max(self.configuration.positionAge.nanoseconds / Int64(Self.epochsToRemember), 1)
        return state.firstEpoch &+ UInt64((now - self.start) / step)
    }

    /// Whether nothing was published and forgotten since an epoch.
    private func isRemembered(_ epoch: UInt64, at current: UInt64) -> Bool {
        epoch <= current && current - epoch < Self.epochsToRemember
    }

    private static func cost(_ channel: UserChannel) -> Int {
        Self.channelCost + channel.user.utf8.count + channel.event.utf8.count
    }

    private static func cost(_ data: String) -> Int { Self.publicationCost + data.utf8.count }

    private func forgetOld(_ state: inout State, _ now: Int64) {
        while let first = state.ages.first, first.time < now - self.configuration.age.nanoseconds {
            self.removeOldest(&state, now)
        }
        while let first = state.emptied.first, first.time < now - self.configuration.positionAge.nanoseconds {
            state.emptied.removeFirst()
            guard let stream = state.streams[first.channel], stream.isEmpty,
                stream.lastTime < now - self.configuration.positionAge.nanoseconds
            else { continue }
            self.forget(first.channel, &state)
        }
        // A dictionary never shrinks by itself.
        if state.streams.isEmpty, state.streams.capacity > 64 { state.streams = [:] }
    }

    private func makeRoom(_ state: inout State, _ now: Int64) {
        while state.bytes > self.configuration.maximumBytes, !state.ages.isEmpty { self.removeOldest(&state, now) }
        guard state.bytes > self.configuration.maximumBytes else { return }
        // Nothing is left but the positions of silent channels. They go before their time: no epoch of before counts.
        while state.bytes > self.configuration.maximumBytes / 2, let first = state.emptied.popFirst() {
            if state.streams[first.channel]?.isEmpty == true { self.forget(first.channel, &state) }
        }
        state.firstEpoch &+= Self.epochsToRemember + 1
    }

    /// Removes what the oldest reminder is about, unless that has gone before its time.
    private func removeOldest(_ state: inout State, _ now: Int64) {
        guard let oldest = state.ages.popFirst(), let first = state.streams[oldest.channel]?.firstTime,
            first <= oldest.time
        else { return }
        self.removeFirst(of: oldest.channel, &state, now)
    }

    private func removeFirst(of channel: UserChannel, _ state: inout State, _ now: Int64) {
        guard let removed = state.streams[channel]?.removeFirst() else { return }
        state.bytes -= Self.cost(removed.data)
        if state.streams[channel]?.isEmpty == true { state.emptied.append(Reminder(channel: channel, time: now)) }
    }

    private func forget(_ channel: UserChannel, _ state: inout State) {
        if state.streams.removeValue(forKey: channel) != nil { state.bytes -= Self.cost(channel) }
    }
}
