import DequeModule
import NIOCore
import Synchronization

/// The broker of a single process: everything is in memory, and is gone when the process ends.
///
/// A publication is numbered, kept and handed to the receiver under one lock, so that all of them see one order.
package final class MemoryBroker: Broker {
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
        /// Of the next stream. Whenever one is forgotten it changes, so that no two of a channel are taken for one.
        var epoch: UInt64
    }

    private let configuration: HistoryConfiguration
    private let now: @Sendable () -> Int64
    private let state: Mutex<State>
    private let receiver: Mutex<(any PublicationReceiver)?> = .init(nil)

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package init(
        _ configuration: HistoryConfiguration = .init(),
        now: @escaping @Sendable () -> Int64 = { Int64(NIODeadline.now().uptimeNanoseconds) }
    ) {
        self.configuration = configuration
        self.now = now
        self.state = Mutex(State(epoch: UInt64.random(in: 1...(.max / 2))))
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
        let now = self.now()
        let work = self.state.withLock { state in
            self.forgetOld(&state, now)
            let epoch = state.epoch
            let publication = state.streams[channel, default: ChannelStream(epoch: epoch)].append(data, now: now)
            state.bytes += data.utf8.count
            state.ages.append(Reminder(channel: channel, time: now))
            if let count = state.streams[channel]?.count, count > self.configuration.size {
                self.removeFirst(of: channel, &state, now)
            }
            while state.bytes > self.configuration.maximumBytes, let oldest = state.ages.popFirst() {
                // The channel's oldest is at least as old as this reminder of it.
                self.removeFirst(of: oldest.channel, &state, now)
            }
            return receiver.receive(publication, in: channel, receipt: receipt)
        }
        work?()
    }

    package func history(
        of channel: UserChannel, since position: StreamPosition?, completion: @escaping @Sendable (History) -> Void
    ) {
        let oldest = self.now() - self.configuration.age.nanoseconds
        let history = self.state.withLock { state in
            if let stream = state.streams[channel] { return stream.since(position, oldest: oldest) }
            // Whoever was told an epoch when nothing had been published: that is still so, unless something was forgotten.
            let isComplete = position.map { $0.epoch == state.epoch && $0.offset == 0 } ?? true
            return History(
                publications: [],
                position: self.configuration.isOn ? StreamPosition(epoch: state.epoch, offset: 0) : nil,
                isComplete: isComplete && (self.configuration.isOn || position == nil))
        }
        completion(history)
    }

    /// To be called now and then: what is old goes, also when nothing is published any more.
    package func sweep() {
        let now = self.now()
        self.state.withLock { self.forgetOld(&$0, now) }
    }

    /// Bytes and channels that are kept.
    package var size: (bytes: Int, channels: Int) { self.state.withLock { ($0.bytes, $0.streams.count) } }

    private func forgetOld(_ state: inout State, _ now: Int64) {
        while let first = state.ages.first, first.time < now - self.configuration.age.nanoseconds {
            state.ages.removeFirst()
            // It may have gone before its time, and a younger one be the first.
            if let stream = state.streams[first.channel], let time = stream.firstTime, time <= first.time {
                self.removeFirst(of: first.channel, &state, now)
            }
        }
        while let first = state.emptied.first, first.time < now - self.configuration.positionAge.nanoseconds {
            state.emptied.removeFirst()
            guard let stream = state.streams[first.channel], stream.isEmpty,
                stream.lastTime < now - self.configuration.positionAge.nanoseconds
            else { continue }
            state.streams[first.channel] = nil
            state.epoch += 1
        }
        // A dictionary never shrinks by itself.
        if state.streams.isEmpty, state.streams.capacity > 64 { state.streams = [:] }
    }

    private func removeFirst(of channel: UserChannel, _ state: inout State, _ now: Int64) {
        guard let removed = state.streams[channel]?.removeFirst() else { return }
        state.bytes -= removed.data.utf8.count
        if state.streams[channel]?.isEmpty == true { state.emptied.append(Reminder(channel: channel, time: now)) }
    }
}
