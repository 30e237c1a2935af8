import NIOCore
import NIOPosix
import Testing

@testable import MartletPush

@Suite("Hub", .timeLimit(.minutes(1)))
struct HubTests {
    /// Notes what it is given; takes no more than its room.
    private final class TestSession: Session {
        var places: [UserChannel: Int] = [:]
        let id = SessionID()
        var transport = SessionCarrier.Transport.poll
        var carrier: SessionCarrier? {
            SessionCarrier(transport: self.transport, address: "192.0.2.1", queuedBytes: 0, openedAt: .now())
        }
        var room = Int.max
        var taken = 0
        var isDropped = false

        func deliver(_ batch: PublicationBatch) -> Int {
            let count = min(batch.count, self.room - self.taken)
            self.taken += count
            return count
        }

        func drop() { self.isDropped = true }
    }

    private static let alerts = UserChannel(user: "jack", event: "alerts")
    private static let publication = Publication(position: nil, data: "x", time: 0)

    private func publish(_ text: String, to channel: UserChannel, on hub: Hub) async -> Int {
        let broker = MemoryBroker()
        broker.setReceiver(hub)
        return await withCheckedContinuation { continuation in
            broker.publish(text, to: channel, receipt: PublishReceipt { continuation.resume(returning: $0.delivered) })
        }
    }

    @Test("sessions that come and go in any order leave nothing behind")
    func shardBookkeeping() {
        let shard = HubShard()
        let channels = (0..<3).map { UserChannel(user: "user\($0 % 2)", event: "event\($0)") }
        var random = SystemRandomNumberGenerator()
        let sessions = (0..<50).map { _ in TestSession() }
        var members: [UserChannel: Set<Int>] = [:]
        for _ in 0..<5000 {
            let index = Int.random(in: 0..<sessions.count, using: &random)
            let channel = channels.randomElement(using: &random)!
            if Bool.random(using: &random) {
                let wasFirst = shard.add(sessions[index], to: channel)
                #expect(wasFirst == (members[channel] ?? []).isEmpty)
                members[channel, default: []].insert(index)
            } else {
                let wasLast = shard.remove(sessions[index], from: channel)
                #expect(wasLast == (members[channel] == [index]))
                members[channel]?.remove(index)
            }
        }
        for channel in channels {
            let heard = Set(
                shard.sessions(user: channel.user, event: channel.event).map { session in
                    sessions.firstIndex { $0 === session }!
                })
            #expect(heard == members[channel] ?? [])
        }
        for channel in channels {
            for session in sessions { _ = shard.remove(session, from: channel) }
        }
        for channel in channels { #expect(shard.sessions(user: channel.user, event: nil).isEmpty) }
    }

    @Test("a session that is registered twice for an event gets a message once")
    func registeredTwice() {
        let shard = HubShard()
        let session = TestSession()
        #expect(shard.add(session, to: Self.alerts))
        #expect(!shard.add(session, to: Self.alerts))
        let batch = PublicationBatch(Self.alerts)
        batch.append(Self.publication)
        #expect(shard.publish(batch, to: Self.alerts, PushCounters()) == [1])
        #expect(session.taken == 1)
    }

    @Test("a session counts for the messages that it took and for no other")
    func countsWhatWasTaken() {
        let shard = HubShard()
        let (fast, slow) = (TestSession(), TestSession())
        slow.room = 1
        _ = shard.add(fast, to: Self.alerts)
        _ = shard.add(slow, to: Self.alerts)
        let batch = PublicationBatch(Self.alerts)
        for _ in 0..<3 { batch.append(Self.publication) }
        let counters = PushCounters()
        slow.transport = .websocket
        #expect(shard.publish(batch, to: Self.alerts, counters) == [2, 1, 1])
        #expect(counters[.pollDeliveries] == 3)
        #expect(counters[.webSocketDeliveries] == 1)
        #expect(counters[.eventStreamDeliveries] == 0)
    }

    @Test("a message reaches the sessions of every event loop, and the count is of all")
    func severalLoops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let hub = Hub(group: group, counters: PushCounters())
        for loop in group.makeIterator() {
            try await loop.submit { hub.add(TestSession(), to: Self.alerts, on: loop) }.get()
        }
        #expect(hub.channelCount == 1)
        #expect(await self.publish("x", to: Self.alerts, on: hub) == 3)
        #expect(await self.publish("x", to: UserChannel(user: "jack", event: "other"), on: hub) == 0)
        #expect(await hub.drop(user: "jack", event: nil) == 3)
        #expect(await hub.drop(user: "jack", event: "other") == 0)
        try await group.shutdownGracefully()
    }

    @Test("when all sessions have gone the hub is empty")
    func empty() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let hub = Hub(group: group, counters: PushCounters())
        try await loop.submit {
            let session = TestSession()
            hub.add(session, to: Self.alerts, on: loop)
            hub.add(session, to: UserChannel(user: "jack", event: "other"), on: loop)
            hub.removeAll(session, on: loop)
        }.get()
        #expect(hub.channelCount == 0)
        #expect(await self.publish("x", to: Self.alerts, on: hub) == 0)
        try await group.shutdownGracefully()
    }
}
