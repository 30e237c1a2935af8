import HTTPTypes
import MartletProtocol
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MartletPush
@testable import MartletWebSocket

/// Clients of the event-stream dialect at a broker whose answers the test gives.
@Suite("Catching up")
struct CatchingUpTests {
    private final class ManualBroker: Broker {
        struct State {
            weak var receiver: (any BrokerReceiver)?
            var subscriptions: [@Sendable (BrokerError?) -> Void] = []
            var histories:
                [(channel: ChannelName, since: StreamPosition?, @Sendable (Result<History, BrokerError>) -> Void)] = []
        }

        let state = Mutex(State())
        let isInProcess = false
        func attach(_ receiver: any BrokerReceiver) { self.state.withLock { $0.receiver = receiver } }
        func run() async {}
        func publish(
            _ data: String, to channel: ChannelName, receipt: ReceiptID,
            completion: @escaping @Sendable (Result<StreamPosition?, BrokerError>) -> Void
        ) {}
        func subscribe(to channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
            self.state.withLock { $0.subscriptions.append(completion) }
        }
        func unsubscribe(from channel: ChannelName) {}
        func history(
            of channel: ChannelName, since position: StreamPosition?,
            completion: @escaping @Sendable (Result<History, BrokerError>) -> Void
        ) {
            self.state.withLock { $0.histories.append((channel, position, completion)) }
        }
        func removeHistory(of channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {}
    }

    private final class Connection: TransportConnection {
        var session: Session?
        var texts: [String] = []
        var closed: [String] = []

        let transport = SessionTransport.websocket
        let address = "192.0.2.1"
        let queuedBytes = 0
        var isOpen: Bool { self.closed.isEmpty }

        func send(_ encoded: EncodedPublications) -> Int {
            if case .messages(let batch) = encoded.wire { self.texts += batch.texts }
            return encoded.count
        }

        func sendHeartbeat(_ encoded: EncodedPublications) {}
        func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) {
            self.closed.append("\(code) \(reason)")
        }
    }

    /// One client, and what the broker is asked.
    private final class Bench {
        let loop = EmbeddedEventLoop()
        let broker = ManualBroker()
        let service: PushService
        let connection = Connection()

        init(_ query: String) throws {
            self.service = PushService(group: self.loop, broker: self.broker)
            let request = try EventStreamRequest(
                HTTPRequest(method: .get, scheme: "http", authority: "a", path: "/sse?token=jack&\(query)"),
                maximumEvents: 128)
            guard case .admitted(let place) = self.service.admit(user: "jack") else { preconditionFailure() }
            let dialect = EventStreamDialect(.messages, request, user: PushUser("jack"), place: place)
            let session = self.service.session(over: .websocket, dialect, on: self.loop)
            self.connection.session = session
            session.opened(on: self.connection)
        }

        deinit { self.connection.session?.closed() }

        func subscribed(_ error: BrokerError? = nil) {
            for completion in self.broker.state.withLock({ state in
                defer { state.subscriptions = [] }
                return state.subscriptions
            }) { completion(error) }
            self.loop.run()
        }

        func receive(_ offset: UInt64, in event: String) {
            let position = StreamPosition(epoch: "e", offset: offset)
            self.broker.state.withLock { $0.receiver }?.received(
                Publication(position: position, data: "\(offset)", time: 0),
                in: UserChannel(user: "jack", event: event).name)
            self.loop.run()
        }

        func interrupt() {
            self.broker.state.withLock { $0.receiver }?.interrupted(nil)
            self.loop.run()
        }

        /// Answers the calls for the history of an event: publications up to an offset.
        func answer(_ event: String, _ offsets: [UInt64] = [], at last: UInt64, isComplete: Bool = true) {
            let channel = UserChannel(user: "jack", event: event).name
            let asked = self.broker.state.withLock { state in
                defer { state.histories.removeAll { $0.channel == channel } }
                return state.histories.filter { $0.channel == channel }
            }
            let publications = offsets.map {
                Publication(position: StreamPosition(epoch: "e", offset: $0), data: "\($0)", time: Int64($0))
            }
            for (_, _, completion) in asked {
                completion(
                    .success(
                        History(
                            publications: publications, position: StreamPosition(epoch: "e", offset: last),
                            isComplete: isComplete)))
            }
            self.loop.run()
        }

        /// Returns what the client has been sent since the last time.
        func told() -> [String] {
            defer { self.connection.texts = [] }
            return self.connection.texts
        }
    }

    @Test("a client that has just come gets what came while its position was asked for")
    func held() throws {
        let bench = try Bench("event=a")
        bench.answer("a", at: 9)
        bench.subscribed()
        bench.receive(10, in: "a")
        bench.answer("a", [10], at: 10)
        #expect(bench.told() == ["{}", #"{"id":"a~e.10","event":"a","data":"10"}"#])
        bench.receive(11, in: "a")
        #expect(bench.told() == [#"{"id":"a~e.11","event":"a","data":"11"}"#])
    }

    @Test("a client that has just come gets what is in the history by the time it has subscribed, and comes later")
    func late() throws {
        let bench = try Bench("event=a")
        bench.answer("a", at: 9)
        bench.subscribed()
        bench.answer("a", [10], at: 10)
        #expect(bench.told() == ["{}", #"{"id":"a~e.10","event":"a","data":"10"}"#])
        bench.receive(10, in: "a")
        #expect(bench.told() == [])
    }

    @Test("a gap is told for each channel in which something is missing after an interruption")
    func everyChannel() throws {
        let bench = try Bench("event=a&event=b")
        bench.answer("a", at: 1)
        bench.answer("b", at: 1)
        bench.subscribed()
        bench.answer("a", at: 1)
        bench.answer("b", at: 1)
        #expect(bench.told().count == 2)
        bench.interrupt()
        bench.answer("a", [5], at: 5, isComplete: false)
        bench.answer("b", [7], at: 7, isComplete: false)
        let told = bench.told()
        #expect(told.first == #"{"gap":["a","b"]}"# && told.count == 3, "\(told)")
    }

    @Test(
        "what is in the history and came as well is told once, also after an interruption of a client that is in a group"
    )
    func once() throws {
        let bench = try Bench("event=a")
        bench.answer("a", at: 1)
        bench.subscribed()
        bench.answer("a", at: 1)
        bench.receive(2, in: "a")
        bench.receive(3, in: "a")
        _ = bench.told()
        bench.interrupt()
        bench.receive(6, in: "a")
        #expect(bench.told() == [])
        bench.answer("a", [4, 5, 6], at: 6)
        bench.receive(7, in: "a")
        #expect(bench.told().map { $0.suffix(4) } == [#""4"}"#, #""5"}"#, #""6"}"#, #""7"}"#])
    }

    @Test("an answer to a question of before an interruption is not taken for one of after it")
    func lateAnswer() throws {
        let bench = try Bench("event=a&after=a~e.1")
        bench.subscribed()
        let before = bench.broker.state.withLock { state in
            defer { state.histories = [] }
            return state.histories
        }
        bench.interrupt()
        before[0].2(
            .success(History(publications: [], position: StreamPosition(epoch: "e", offset: 1), isComplete: true)))
        bench.loop.run()
        bench.receive(5, in: "a")
        #expect(bench.told() == ["{}"])
        bench.answer("a", [2, 3, 4, 5], at: 5)
        #expect(bench.told().count == 4)
    }

    @Test("a subscription that fails closes the session once, and leaves nothing behind")
    func failed() throws {
        let bench = try Bench("event=a&event=b&event=c")
        for event in ["a", "b", "c"] { bench.answer(event, at: 1) }
        bench.subscribed(BrokerError(.unavailable, reason: "down", mayHaveHappened: false))
        #expect(bench.connection.closed.count == 1)
        bench.connection.session?.closed()
        #expect(
            bench.service.channelCount == 0 && bench.service.counters[.sessions] == 0 && bench.service.userCount == 0)
    }

    @Test("with a broker that never answers a session is closed after 5 s")
    func silent() throws {
        let bench = try Bench("event=a")
        bench.loop.advanceTime(by: .milliseconds(4999))
        #expect(bench.connection.closed.isEmpty)
        bench.loop.advanceTime(by: .milliseconds(1))
        #expect(bench.connection.closed.count == 1)
    }

    @Test("what waits for a history is bounded")
    func bounded() throws {
        let bench = try Bench("event=a")
        bench.answer("a", at: 0)
        bench.subscribed()
        let text = String(repeating: "x", count: 1 << 20)
        for offset in 1...5 {
            bench.broker.state.withLock { $0.receiver }?.received(
                Publication(position: StreamPosition(epoch: "e", offset: UInt64(offset)), data: text, time: 0),
                in: UserChannel(user: "jack", event: "a").name)
            bench.loop.run()
            #expect(bench.connection.closed.count == (offset < 5 ? 0 : 1))
        }
    }
}
