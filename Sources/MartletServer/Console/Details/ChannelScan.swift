import MartletPush
import Synchronization

/// Looks at the channels of a service when the console asks, and not more often than every two seconds. Safe to use from any
/// thread.
final class ChannelScan: Sendable {
    private struct State: Sendable {
        var rates = ChannelRates()
        var latest: (time: Duration, top: TopChannels)?
    }

    /// Channels that a look takes of each event loop: the loop stands still meanwhile, for a few milliseconds at most.
    private static let limit = 20_000
    /// Channels that are shown of each kind.
    private static let shown = 10
    private static let interval = Duration.seconds(2)

    private let service: PushService
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(_ service: PushService) { self.service = service }

    func top() async -> TopChannels {
        let time = self.start.duration(to: .now)
        if let latest = self.state.withLock({ $0.latest }), time - latest.time < Self.interval { return latest.top }
        let (list, isComplete) = await self.service.channels(limit: Self.limit)
        // One channel may have subscribers on several event loops.
        var merged: [ChannelName: (subscribers: Int, offset: UInt64?)] = [:]
        for one in list {
            let known = merged[one.name] ?? (0, nil)
            let offset = one.offset.map { max($0, known.offset ?? 0) } ?? known.offset
            merged[one.name] = (known.subscribers + one.subscribers, offset)
        }
        var offsets: [Int: UInt64] = [:]
        for (name, channel) in merged { offsets[name.hashValue] = channel.offset }
        return self.state.withLock { state in
            let rates = state.rates.rates(offsets, at: time)
            let channels = merged.map { name, channel in
                TopChannels.Channel(
                    name: name.text, subscribers: channel.subscribers, rate: rates[name.hashValue])
            }
            let top = TopChannels(channels, count: Self.shown, isComplete: isComplete)
            state.latest = (time, top)
            return top
        }
    }
}
