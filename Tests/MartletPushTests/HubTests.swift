import NIOConcurrencyHelpers
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
        var texts: [String] = []
        var onDelivery: () -> Void = {}

        func deliver(_ batch: PublicationBatch) -> Int {
            self.texts += batch.publications.map(\.data)
            self.onDelivery()
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
                let wasFirst = shard.add(sessions[index], to: channel) != nil
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
    func registeredTwice() throws {
        let shard = HubShard()
        let session = TestSession()
        let list = try #require(shard.add(session, to: Self.alerts))
        #expect(shard.add(session, to: Self.alerts) == nil)
        let batch = PublicationBatch(Self.alerts)
        batch.append(Self.publication)
        #expect(list.deliver(batch, PushCounters()) == [1])
        #expect(session.taken == 1)
    }

    @Test("a session counts for the messages that it took and for no other")
    func countsWhatWasTaken() throws {
        let shard = HubShard()
        let (fast, slow) = (TestSession(), TestSession())
        slow.room = 1
        let list = try #require(shard.add(fast, to: Self.alerts))
        _ = shard.add(slow, to: Self.alerts)
        let batch = PublicationBatch(Self.alerts)
        for _ in 0..<3 { batch.append(Self.publication) }
        let counters = PushCounters()
        slow.transport = .websocket
        #expect(list.deliver(batch, counters) == [2, 1, 1])
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

    /// Publishes on the loop, one publication a turn, until the loop delivers at once.
    private func calm(_ loop: any EventLoop, _ broker: MemoryBroker) async throws {
        for _ in 0..<DeliveryPace.calmTurns {
            try await loop.submit {
                broker.publish("calm", to: Self.alerts, receipt: PublishReceipt { _ in })
            }.get()
        }
        try await loop.submit {}.get()
    }

    @Test("on a calm loop a few sessions get a publication at once, many at the end of the turn", arguments: [1, 8, 9])
    func atOnce(count: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let hub = Hub(group: group, counters: PushCounters())
        let broker = MemoryBroker()
        broker.setReceiver(hub)
        try await loop.submit {
            for _ in 0..<count { hub.add(TestSession(), to: Self.alerts, on: loop) }
        }.get()
        try await self.calm(loop, broker)
        let delivered = try await loop.submit {
            let delivered = NIOLockedValueBox(0)
            broker.publish(
                "x", to: Self.alerts,
                receipt: PublishReceipt { result in
                    delivered.withLockedValue { $0 = result.delivered }
                })
            return delivered.withLockedValue { $0 }
        }.get()
        #expect(delivered == (count <= 8 ? count : 0))
        try await group.shutdownGracefully()
    }

    @Test("what is published in the middle of a delivery overtakes nothing")
    func nested() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let hub = Hub(group: group, counters: PushCounters())
        let broker = MemoryBroker()
        broker.setReceiver(hub)
        let sessions = try await loop.submit {
            let sessions = NIOLoopBound((TestSession(), TestSession()), eventLoop: loop)
            hub.add(sessions.value.0, to: Self.alerts, on: loop)
            hub.add(sessions.value.1, to: Self.alerts, on: loop)
            return sessions
        }.get()
        try await self.calm(loop, broker)
        try await loop.submit {
            let (first, second) = sessions.value
            (first.texts, second.texts) = ([], [])
            first.onDelivery = {
                first.onDelivery = {}
                broker.publish("2", to: Self.alerts, receipt: PublishReceipt { _ in })
            }
            broker.publish("1", to: Self.alerts, receipt: PublishReceipt { _ in })
            #expect(second.texts == ["1"])
        }.get()
        let texts = try await loop.submit { [sessions.value.0.texts, sessions.value.1.texts] }.get()
        #expect(texts == [["1", "2"], ["1", "2"]])
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
