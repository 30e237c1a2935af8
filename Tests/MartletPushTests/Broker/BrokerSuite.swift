import NIOCore
import NIOPosix
import Synchronization

@testable import MartletPush

/// Checks the promises of a broker, whichever it is. Problems are returned, so that the suite itself can be tested.
struct BrokerSuite: Sendable {
    /// Makes a broker with a history of so many publications.
    let makeBroker: @Sendable (HistoryConfiguration) -> any Broker
    /// Makes trouble while subscribers and publishers are at work; called again and again.
    var disturb: (@Sendable (any Broker) async -> Void)?
    /// The longest time that is waited for something that must happen.
    var patience = TimeAmount.seconds(10)

    private static let channel = ChannelName("alerts#jack")
    private static let other = ChannelName("news#jack")

    /// Returns the problems of a broker; one that has some in plain calls is not tried at work.
    func problems() async throws -> [String] {
        let problems = await self.calls() + self.lifeCycle()
        return try await problems.isEmpty ? self.atWork() : problems
    }

    // MARK: One call after the other

    private final class Receiver: BrokerReceiver {
        let received = Mutex<[(channel: ChannelName, publication: Publication)]>([])

        func received(_ publication: Publication, in channel: ChannelName) {
            self.received.withLock { $0.append((channel, publication)) }
        }

        func interrupted(_ channels: [ChannelName]?) {}

        func publications(of channel: ChannelName) -> [Publication] {
            self.received.withLock { $0.filter { $0.channel == channel }.map(\.publication) }
        }
    }

    /// A call that was not answered.
    private struct Silence: Error {}

    /// Calls until it succeeds: the broker may fail now and then. A call must be answered, though.
    private func call<Value: Sendable>(
        _ call: (@escaping @Sendable (Result<Value, BrokerError>) -> Void) -> Void
    ) async throws -> Value {
        for _ in 0..<20 {
            let answers = Answers<Result<Value, BrokerError>>()
            call { answers.add($0) }
            await self.until { answers.count > 0 }
            guard answers.count == 1, let answer = answers.first else { throw Silence() }
            if case .success(let value) = answer { return value }
        }
        throw Silence()
    }

    private static func result(_ error: BrokerError?) -> Result<Void, BrokerError> {
        error.map { .failure($0) } ?? .success(())
    }

    fileprivate final class Answers<Value: Sendable>: Sendable {
        fileprivate let values = Mutex<[Value]>([])
        var count: Int { self.values.withLock { $0.count } }
        var first: Value? { self.values.withLock { $0.first } }
        func add(_ value: Value) { self.values.withLock { $0.append(value) } }
    }

    /// Waits until a condition is true, or ``patience`` is over.
    @discardableResult
    private func until(_ isSo: () -> Bool) async -> Bool {
        let end = NIODeadline.now() + self.patience
        while !isSo() {
            guard NIODeadline.now() < end else { return false }
            try? await Task.sleep(for: .microseconds(200))
        }
        return true
    }

    private func calls() async -> [String] {
        var problems: [String] = []
        do {
            try await self.calls(&problems)
        } catch {
            problems.append("a call is never answered")
        }
        return problems
    }

    private func calls(_ problems: inout [String]) async throws {
        func check(_ isSo: Bool, _ problem: String) { if !isSo { problems.append(problem) } }
        var configuration = HistoryConfiguration()
        configuration.size = 5
        let broker = self.makeBroker(configuration)
        let receiver = Receiver()
        broker.attach(receiver)
        let publish = { (data: String, channel: ChannelName, number: UInt64) in
            try await self.call {
                broker.publish(data, to: channel, receipt: ReceiptID(node: 7, number: number), completion: $0)
            } as StreamPosition?
        }
        let history = { (position: StreamPosition?) in
            try await self.call { broker.history(of: Self.channel, since: position, completion: $0) } as History
        }
        try await self.call { done in broker.subscribe(to: Self.channel) { done(Self.result($0)) } }
        check(try await history(nil).position?.offset == 0, "an empty channel is not at offset 0")
        var positions: [StreamPosition] = []
        for number in 1...8 {
            guard let position = try await publish("\(number)", Self.channel, UInt64(number)) else {
                return problems.append("a publication has no position")
            }
            positions.append(position)
            _ = try await publish("other", Self.other, 0)
        }
        let inOrder = zip(positions, positions.dropFirst()).allSatisfy { $0.epoch == $1.epoch && $0.offset < $1.offset }
        check(inOrder, "offsets do not grow")
        await self.until { receiver.publications(of: Self.channel).count >= positions.count }
        let received = receiver.publications(of: Self.channel)
        let offsets = received.compactMap { $0.position?.offset }
        check(
            Set(positions).isSubset(of: Set(received.compactMap(\.position))), "a subscriber misses a publication")
        check(zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 }, "publications come twice or in another order")
        check(
            received.allSatisfy { $0.receipt == ReceiptID(node: 7, number: UInt64($0.data) ?? 0) },
            "a publication comes without its receipt")
        // A publication that may have happened, and was tried again, is there twice.
        let all = try await history(positions[5])
        check(
            all.isComplete && all.publications.map(\.data).contains("7") && all.publications.last?.data == "8",
            "a history is short")
        let some = try await history(positions[0])
        check(!some.isComplete && some.publications.count <= 5, "a history hides a gap")
        let none = try await history(positions.last)
        check(none.isComplete && none.publications.isEmpty && none.position == positions.last, "a position is wrong")
        check(try await !history(.nowhere).isComplete, "a position of nowhere has no gap")
        try await self.call { done in broker.removeHistory(of: Self.channel) { done(Self.result($0)) } }
        let removed = try await history(positions[6])
        check(removed.publications.isEmpty && !removed.isComplete, "a history that was removed is there")
        check(removed.position == positions.last, "offsets begin again when a history is removed")
        guard !broker.isInProcess else { return }
        broker.unsubscribe(from: Self.channel)
        let last = try await publish("last", Self.channel, 9)
        _ = try await history(last)  // behind everything
        check(!receiver.publications(of: Self.channel).contains { $0.data == "last" }, "a subscription never ends")
    }

    // MARK: Life cycle

    private func lifeCycle() async -> [String] {
        let broker = self.makeBroker(.init())
        let isOver = Answers<Bool>()
        let running = Task {
            try? await broker.run()
            isOver.add(true)
        }
        for _ in 0..<50 { await Task.yield() }
        running.cancel()
        await self.until { isOver.count > 0 }
        return isOver.count == 1 ? [] : ["it runs on when it is to end"]
    }

    // MARK: At work

    /// The outcome that a publisher was told.
    private enum Told { case published, failed, unknown }

    /// Publishers and clients of a service, over many connections, while trouble is made.
    private func atWork() async throws -> [String] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var configuration = HistoryConfiguration()
        configuration.size = 20
        let broker = self.makeBroker(configuration)
        let service = PushService(group: group, broker: broker)
        let clients = (0..<6).map { index in
            BrokerClient(service, events: index % 2 == 0 ? ["alerts"] : ["alerts", "news"], on: group.next())
        }
        var problems: [String] = []
        for client in clients {
            try await client.connect()
            let isLive = await self.until {
                client.comeBack()
                return client.isLive
            }
            if !isLive { problems.append("a client never gets in") }
        }
        let told = Answers<(String, Told)>()
        let isDone = Answers<Bool>()
        let publisher = Task {
            for number in 0..<150 {
                for event in ["alerts", "news"] {
                    let text = "\(event) \(number)"
                    do throws(BrokerError) {
                        let result = try await service.publish(
                            PushMessage(user: "jack", event: event, message: "\(number)"))
                        if !result.isComplete { told.add(("\(text) is not counted", .unknown)) }
                        told.add((text, .published))
                    } catch {
                        told.add((text, error.mayHaveHappened ? .unknown : .failed))
                    }
                }
                if number % 30 == 15 { await self.disturb?(broker) }
                if number % 10 == 7 { try? await clients[number / 10 % clients.count].reconnect() }
            }
            isDone.add(true)
        }
        if await !self.until({ isDone.count > 0 }) { problems.append("publishers hang") }
        publisher.cancel()
        // Clients that were disconnected connect again, and all see the last publications, or are told of a gap.
        let outcome = told.all
        let published = Set(outcome.filter { $0.1 == .published }.map(\.0))
        let failed = Set(outcome.filter { $0.1 == .failed }.map(\.0))
        if self.disturb == nil, outcome.contains(where: { $0.0.hasSuffix("is not counted") }) {
            problems.append("a publication does not come back")
        }
        let last = ["alerts", "news"].compactMap { event in
            outcome.last { $0.1 == .published && $0.0.hasPrefix(event) }?.0
        }
        for client in clients {
            let isUpToDate = await self.until {
                client.comeBack()
                return client.isUpToDate(last)
            }
            if !isUpToDate { problems.append("a client never sees the last publication") }
            try await client.close()
            problems += client.problems(published: published, failed: failed)
        }
        if service.channelCount != 0 { problems.append("channels stay") }
        try await group.shutdownGracefully()
        return problems
    }
}

extension BrokerSuite.Answers {
    fileprivate var all: [Value] { self.values.withLock { $0 } }
}
