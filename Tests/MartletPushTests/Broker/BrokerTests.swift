import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MartletPush

@Suite("Broker", .timeLimit(.minutes(2)))
struct BrokerTests {
    @Test("the one in memory keeps its promises")
    func memory() async throws {
        #expect(try await BrokerSuite { MemoryBroker($0) }.problems() == [])
    }

    @Test(
        "one that is slow, fails and restarts keeps them, too: no publication is lost without a word, and nothing hangs"
    )
    func unreliable() async throws {
        let suite = BrokerSuite {
            UnreliableBroker($0, failures: 5)
        } disturb: {
            await ($0 as? UnreliableBroker)?.restart()
        }
        #expect(try await suite.problems() == [])
    }

    @Test("the suite finds every broken promise", arguments: UnreliableBroker.Fault.allCases)
    func faults(fault: UnreliableBroker.Fault) async throws {
        var suite = BrokerSuite {
            UnreliableBroker($0, failures: fault == .falseFailure ? 30 : 0, fault: fault)
        } disturb: {
            await ($0 as? UnreliableBroker)?.restart()
        }
        // With these faults the suite waits in vain: it need not wait for long.
        let isInVain: Set<UnreliableBroker.Fault> = [
            .silentSubscription, .silentHistory, .silentPublish, .deafSubscription, .endless,
        ]
        if isInVain.contains(fault) { suite.patience = .seconds(1) }
        if fault == .forgetfulRestart { suite.patience = .milliseconds(1500) }
        let problems = try await suite.problems()
        let expected =
            switch fault {
            case .deafSubscription: "a subscriber misses a publication"
            case .silentSubscription, .silentHistory, .silentPublish: "a call is never answered"
            case .shortHistory: "a history is short"
            case .boastfulHistory: "a history hides a gap"
            case .lostReceipt: "a publication comes without its receipt"
            case .falseFailure: "what failed for certain was published"
            case .doubled, .reordered: "publications come twice or in another order"
            case .silentRestart: "missing without a gap"
            case .forgetfulRestart: "publishers hang"
            case .endless: "it runs on when it is to end"
            case .stubbornHistory: "a history that was removed is there"
            }
        #expect(problems.contains { $0.contains(expected) }, "\(problems.prefix(5))")
    }

    // MARK: Time limits

    /// A broker that never answers.
    private final class SilentBroker: Broker {
        let isInProcess = false
        let unsubscribed = Mutex(0)
        func attach(_ receiver: any BrokerReceiver) {}
        func run() async throws {}
        func publish(
            _ data: String, to channel: ChannelName, receipt: ReceiptID,
            completion: @escaping @Sendable (Result<StreamPosition?, BrokerError>) -> Void
        ) {}
        func subscribe(to channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {}
        func unsubscribe(from channel: ChannelName) { self.unsubscribed.withLock { $0 += 1 } }
        func history(
            of channel: ChannelName, since position: StreamPosition?,
            completion: @escaping @Sendable (Result<History, BrokerError>) -> Void
        ) {}
        func removeHistory(of channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {}
    }

    @Test("with one that never answers publishers, subscribers and readers wait for 5 s and no longer")
    func silent() async throws {
        let loop = EmbeddedEventLoop()
        let broker = TimeLimitedBroker(SilentBroker(), limit: .seconds(5), eventLoop: loop)
        let answers = Mutex<[BrokerError.Code?]>([])
        let channel = ChannelName("a#b")
        broker.subscribe(to: channel) { error in answers.withLock { $0.append(error?.code) } }
        broker.history(of: channel, since: nil) { result in
            if case .failure(let error) = result { answers.withLock { $0.append(error.code) } }
        }
        broker.removeHistory(of: channel) { error in answers.withLock { $0.append(error?.code) } }
        loop.advanceTime(by: .milliseconds(4999))
        #expect(answers.withLock { $0 }.isEmpty)
        loop.advanceTime(by: .milliseconds(1))
        #expect(answers.withLock { $0 } == [.timedOut, .timedOut, .timedOut])
        loop.advanceTime(by: .seconds(60))
        #expect(answers.withLock { $0.count } == 3)
    }

    @Test("a receipt that does not come back ends, and says what is known")
    func receipts() {
        let receipts = PublishReceipts()
        let results = Mutex<[Result<PublishResult, BrokerError>]>([])
        let begin = NIODeadline.uptimeNanoseconds(1_000_000)
        let (_, unconfirmed) = receipts.begin(at: begin) { result in results.withLock { $0.append(result) } }
        let (id, confirmed) = receipts.begin(at: begin + .seconds(1)) { result in results.withLock { $0.append(result) }
        }
        confirmed.confirmed(.success(StreamPosition(epoch: "e", offset: 1)), isExpected: true)
        receipts.expire(before: begin)
        #expect(receipts.count == 2)
        receipts.expire(before: begin + .nanoseconds(1))
        #expect(receipts.count == 1)
        guard case .failure(let error) = results.withLock({ $0.last }) else { return #expect(Bool(false)) }
        #expect(error.code == .timedOut && error.mayHaveHappened)
        receipts.expire(before: begin + .seconds(2))
        guard case .success(let result) = results.withLock({ $0.last }) else { return #expect(Bool(false)) }
        #expect(!result.isComplete && result.delivered == 0 && result.position?.offset == 1)
        #expect(receipts.count == 0)
        // Late answers change nothing, also when the slot is another's.
        let (other, _) = receipts.begin(at: begin) { result in results.withLock { $0.append(result) } }
        #expect(receipts[id] == nil && receipts[other] != nil)
        unconfirmed.received(shardCount: 1)
        unconfirmed.shardIsDone(1)
        confirmed.received(shardCount: 0)
        #expect(results.withLock { $0.count } == 2)
    }
}
