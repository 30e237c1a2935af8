import MartletWebSocket
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import MartletPush

@Suite("Hub", .timeLimit(.minutes(1)))
struct HubTests {
    /// Notes what it is given; takes no more than its room.
    private final class TestSession: Subscriber {
        var places: [ChannelName: SubscriberPlace] = [:]
        let id = SessionID()
        let user: ExactString
        var transport = SessionTransport.poll
        var connectionInfo: SessionConnection? {
            SessionConnection(transport: self.transport, address: "192.0.2.1", queuedBytes: 0, openedAt: .now())
        }
        let socketAddress: UnsafeRawPointer? = nil
        let readyPlace: (loop: LoopContext, place: ReadySockets.Place)? = nil
        var room = Int.max
        var taken = 0
        var isDisconnected = false
        var texts: [String] = []
        var wires: [String] = []
        var interruptions: [StreamPosition?] = []
        var onDelivery: () -> Void = {}

        init(user: String = "jack") { self.user = ExactString(user) }

        func deliver(_ batch: PublicationBatch) -> Int {
            self.texts += batch.publications.map(\.data)
            self.onDelivery()
            return self.take(batch.count)
        }

        func deliver(_ encoded: EncodedPublications) -> Int {
            if case .bytes(let bytes) = encoded.wire { self.wires.append(String(buffer: bytes)) }
            self.onDelivery()
            return self.take(encoded.count)
        }

        private func take(_ offered: Int) -> Int {
            let count = min(offered, self.room - self.taken)
            self.taken += count
            return count
        }

        func finish(_ encoded: EncodedPublications, behind sent: Int) {}
        func interrupted(_ channel: ChannelName, after position: StreamPosition?) {
            self.interruptions.append(position)
            self.texts.append("!")
        }
        func disconnect() { self.isDisconnected = true }
    }

    private static let alerts = UserChannel(user: "jack", event: "alerts").name
    private static let other = UserChannel(user: "jack", event: "other").name
    private static let publication = Publication(position: nil, data: "x", time: 0)

    /// A hub with a broker in memory.
    private final class Bench: Sendable {
        let broker = MemoryBroker()
        let receipts = PublishReceipts()
        let hub: Hub

        init(_ group: any EventLoopGroup) {
            self.hub = Hub(group: group, broker: self.broker, receipts: self.receipts)
            self.broker.attach(self.hub)
        }

        func publish(_ text: String, to channel: ChannelName, _ onDone: @escaping @Sendable (Int) -> Void = { _ in }) {
            let (id, receipt) = self.receipts.begin(at: .now()) { onDone((try? $0.get().delivered) ?? -1) }
            self.broker.publish(text, to: channel, receipt: id) { result in
                receipt.confirmed(result, isExpected: false)
            }
        }

        func publish(_ text: String, to channel: ChannelName) async -> Int {
            await withCheckedContinuation { continuation in
                self.publish(text, to: channel) { continuation.resume(returning: $0) }
            }
        }
    }

    private static func shard() -> HubShard {
        HubShard(heartbeats: HeartbeatWheel(interval: .seconds(15), eventLoop: EmbeddedEventLoop()))
    }

    @Test("sessions that come and go in any order leave nothing behind")
    func shardBookkeeping() {
        let shard = Self.shard()
        let channels = (0..<3).map { UserChannel(user: "user\($0 % 2)", event: "event\($0)") }
        let encodings = (0..<2).map { _ in
            PublicationEncoding(over: .sse) { EncodedPublications(ByteBuffer(), count: $0.count) }
        }
        var random = SystemRandomNumberGenerator()
        let sessions = (0..<50).map { TestSession(user: "user\($0 % 2)") }
        var members: [UserChannel: Set<Int>] = [:]
        for _ in 0..<10_000 {
            let index = Int.random(in: 0..<sessions.count, using: &random)
            let channel = channels.randomElement(using: &random)!
            guard channel.user == sessions[index].user.value else { continue }
            let encoding = Int.random(in: 0...2, using: &random)
            switch Int.random(in: 0...2, using: &random) {
            case 0:
                let list = shard.add(sessions[index], to: channel.name, encoding < 2 ? encodings[encoding] : nil)
                #expect((list != nil) == (members[channel] ?? []).isEmpty)
                members[channel, default: []].insert(index)
            case 1: shard.change(sessions[index], in: channel.name, to: encoding < 2 ? encodings[encoding] : nil)
            default:
                let wasLast = shard.remove(sessions[index], from: channel.name)
                #expect(wasLast == (members[channel] == [index]))
                members[channel]?.remove(index)
            }
        }
        for channel in channels {
            let subscribers = Set(
                shard.sessions(user: channel.user, event: channel.event).map { session in
                    sessions.firstIndex { $0 === session }!
                })
            #expect(subscribers == members[channel] ?? [])
        }
        for user in ["user0", "user1"] {
            let all = shard.sessions(user: user, event: nil)
            #expect(Set(all.map { ObjectIdentifier($0) }).count == all.count)
            let expected = channels.filter { $0.user == user }.reduce(into: Set<Int>()) {
                $0.formUnion(members[$1] ?? [])
            }
            #expect(Set(all.map { session in sessions.firstIndex { $0 === session }! }) == expected)
        }
        for channel in channels {
            for session in sessions { _ = shard.remove(session, from: channel.name) }
        }
        for channel in channels { #expect(shard.sessions(user: channel.user, event: nil).isEmpty) }
    }

    @Test("a session that is registered twice for an event gets a message once")
    func registeredTwice() throws {
        let shard = Self.shard()
        let session = TestSession()
        let list = try #require(shard.add(session, to: Self.alerts, nil))
        #expect(shard.add(session, to: Self.alerts, nil) == nil)
        let batch = PublicationBatch(Self.alerts)
        batch.append(Self.publication)
        #expect(list.deliver(batch, PushCounters()) == [1])
        #expect(session.taken == 1)
    }

    @Test("a session counts for the messages that it took and for no other")
    func countsWhatWasTaken() throws {
        let shard = Self.shard()
        let (fast, slow) = (TestSession(), TestSession())
        slow.room = 1
        let list = try #require(shard.add(fast, to: Self.alerts, nil))
        _ = shard.add(slow, to: Self.alerts, nil)
        let batch = PublicationBatch(Self.alerts)
        for _ in 0..<3 { batch.append(Self.publication) }
        let counters = PushCounters()
        slow.transport = .websocket
        #expect(list.deliver(batch, counters) == [2, 1, 1])
        #expect(counters[.pollDeliveries] == 3)
        #expect(counters[.webSocketDeliveries] == 1)
        #expect(counters[.eventStreamDeliveries] == 0)
    }

    @Test("a publication is encoded once for each encoding, however many subscribers have it")
    func encodings() throws {
        let shard = Self.shard()
        let encoded = NIOLockedValueBox<[String]>([])
        let encodings = ["a", "b"].map { name in
            PublicationEncoding(over: .sse) { batch in
                encoded.withLockedValue { $0.append(name) }
                let text = batch.publications.map { name + $0.data }.joined()
                return EncodedPublications(ByteBuffer(string: text), count: batch.count)
            }
        }
        let sessions = (0..<5).map { _ in TestSession() }
        let list = try #require(shard.add(sessions[0], to: Self.alerts, encodings[0]))
        for session in sessions[1...2] { _ = shard.add(session, to: Self.alerts, encodings[0]) }
        _ = shard.add(sessions[3], to: Self.alerts, encodings[1])
        _ = shard.add(sessions[4], to: Self.alerts, nil)
        #expect(
            list.deliver(PublicationBatch(Self.alerts, Self.publication, Self.publication), PushCounters()) == [5, 5])
        #expect(encoded.withLockedValue { $0 } == ["a", "b"])
        #expect(sessions.map(\.wires) == [["axax"], ["axax"], ["axax"], ["bxbx"], []])
        #expect(sessions[4].texts == ["x", "x"])
    }

    @Test("a session that joins a group by its delivery gets each publication once")
    func joining() throws {
        let shard = Self.shard()
        let encoding = PublicationEncoding(over: .sse) { EncodedPublications(ByteBuffer(string: "g"), count: $0.count) }
        let (member, joining) = (TestSession(), TestSession())
        let list = try #require(shard.add(member, to: Self.alerts, encoding))
        _ = shard.add(joining, to: Self.alerts, nil)
        joining.onDelivery = {
            joining.onDelivery = {}
            shard.change(joining, in: Self.alerts, to: encoding)
        }
        for _ in 0..<3 {
            #expect(list.deliverOne(PublicationBatch(Self.alerts, Self.publication), PushCounters()) == 2)
        }
        #expect(joining.texts == ["x"] && joining.wires == ["g", "g"])
        #expect(member.wires == ["g", "g", "g"])
    }

    @Test("whoever may have missed something is told, with the position that its group has")
    func interrupted() throws {
        let shard = Self.shard()
        let encoding = PublicationEncoding(over: .sse) { EncodedPublications(ByteBuffer(), count: $0.count) }
        let (member, other) = (TestSession(), TestSession())
        let list = try #require(shard.add(member, to: Self.alerts, encoding))
        _ = shard.add(other, to: Self.other, nil)
        let position = StreamPosition(epoch: "e", offset: 7)
        _ = list.deliverOne(
            PublicationBatch(Self.alerts, Publication(position: position, data: "x", time: 0)), PushCounters())
        shard.interrupt([Self.alerts])
        #expect(member.interruptions == [position] && other.interruptions.isEmpty)
        shard.interrupt(nil)
        #expect(member.interruptions == [position, position] && other.interruptions == [nil])
    }

    @Test("a message reaches the sessions of every event loop, and the count is of all")
    func severalLoops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let bench = Bench(group)
        let hub = bench.hub
        for loop in group.makeIterator() {
            try await loop.submit { hub.subscribe(TestSession(), to: Self.alerts, nil, on: loop) { _ in } }.get()
        }
        #expect(hub.channelCount == 1)
        #expect(await bench.publish("x", to: Self.alerts) == 3)
        #expect(await bench.publish("x", to: Self.other) == 0)
        #expect(await hub.disconnect(user: "jack", event: nil) == 3)
        #expect(await hub.disconnect(user: "jack", event: "other") == 0)
        try await group.shutdownGracefully()
    }

    /// Publishes on the loop, one publication a turn, until the loop delivers at once.
    private func calm(_ loop: any EventLoop, _ bench: Bench) async throws {
        for _ in 0..<DeliveryPace.calmTurns {
            try await loop.submit {
                bench.publish("calm", to: Self.alerts) { _ in }
            }.get()
        }
        try await loop.submit {}.get()
    }

    @Test("on a calm loop a few sessions get a publication at once, many at the end of the turn", arguments: [1, 8, 9])
    func atOnce(count: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let bench = Bench(group)
        let hub = bench.hub
        try await loop.submit {
            for _ in 0..<count { hub.subscribe(TestSession(), to: Self.alerts, nil, on: loop) { _ in } }
        }.get()
        try await self.calm(loop, bench)
        let delivered = try await loop.submit {
            let delivered = NIOLockedValueBox(0)
            bench.publish("x", to: Self.alerts) { count in delivered.withLockedValue { $0 = count } }
            return delivered.withLockedValue { $0 }
        }.get()
        #expect(delivered == (count <= 8 ? count : 0))
        try await group.shutdownGracefully()
    }

    @Test("what is published in the middle of a delivery overtakes nothing")
    func nested() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let bench = Bench(group)
        let hub = bench.hub
        let sessions = try await loop.submit {
            let sessions = NIOLoopBound((TestSession(), TestSession()), eventLoop: loop)
            hub.subscribe(sessions.value.0, to: Self.alerts, nil, on: loop) { _ in }
            hub.subscribe(sessions.value.1, to: Self.alerts, nil, on: loop) { _ in }
            return sessions
        }.get()
        try await self.calm(loop, bench)
        try await loop.submit {
            let (first, second) = sessions.value
            (first.texts, second.texts) = ([], [])
            first.onDelivery = {
                first.onDelivery = {}
                bench.publish("2", to: Self.alerts) { _ in }
            }
            bench.publish("1", to: Self.alerts) { _ in }
            #expect(second.texts.first == "1")
        }.get()
        let texts = try await loop.submit { [sessions.value.0.texts, sessions.value.1.texts] }.get()
        #expect(texts == [["1", "2"], ["1", "2"]])
        try await group.shutdownGracefully()
    }

    @Test("an interruption is told between what was received before it and what comes after", arguments: [false, true])
    func interruptionInOrder(isCalm: Bool) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let bench = Bench(group)
        let session = try await loop.submit {
            let session = NIOLoopBound(TestSession(), eventLoop: loop)
            bench.hub.subscribe(session.value, to: Self.alerts, nil, on: loop) { _ in }
            return session
        }.get()
        if isCalm { try await self.calm(loop, bench) }
        try await loop.submit {
            session.value.texts = []
            bench.publish("1", to: Self.alerts)
            bench.hub.interrupted(nil)
            bench.publish("2", to: Self.alerts)
        }.get()
        #expect(try await loop.submit { session.value.texts }.get() == ["1", "!", "2"])
        try await group.shutdownGracefully()
    }

    @Test("when all sessions have gone the hub is empty")
    func empty() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let bench = Bench(group)
        let hub = bench.hub
        try await loop.submit {
            let session = TestSession()
            hub.subscribe(session, to: Self.alerts, nil, on: loop) { _ in }
            hub.subscribe(session, to: Self.other, nil, on: loop) { _ in }
            hub.unsubscribe(session, on: loop)
        }.get()
        #expect(hub.channelCount == 0)
        #expect(await bench.publish("x", to: Self.alerts) == 0)
        try await group.shutdownGracefully()
    }
}
