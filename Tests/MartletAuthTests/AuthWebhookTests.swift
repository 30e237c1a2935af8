import FoundationEssentials
import Logging
import MartletPush
import NIOCore
import Synchronization
import Testing

@testable import MartletAuth

@Suite("Asking the back end")
struct AuthWebhookTests {
    private final class BackEnd: Sendable {
        let answer = Mutex<(status: Int, text: String)?>(nil)
        let asked = Mutex<[String]>([])
        let now = Mutex(NIODeadline.uptimeNanoseconds(1))

        func webhook() -> AuthWebhook {
            AuthWebhook(
                url: "https://back.example", logger: Logger(label: "test"),
                now: { self.now.withLock { $0 } }
            ) { json in
                self.asked.withLock { $0.append(json) }
                guard let answer = self.answer.withLock({ $0 }) else {
                    throw ChannelError.connectTimeout(.seconds(1))
                }
                return (answer.status, Data(answer.text.utf8))
            }
        }
    }

    private let backEnd = BackEnd()

    private func question(_ token: String, _ events: String..., address: String? = nil) -> TokenQuestion {
        TokenQuestion(token: token, events: events.isEmpty ? ["e"] : events, clientAddress: address)
    }

    @Test("a user, a refusal, or neither")
    func answers() async throws {
        let webhook = self.backEnd.webhook()
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42","more":1}"#) }
        #expect(try await webhook.user(of: self.question("a\"b")) == PushUser("42"))
        #expect(self.backEnd.asked.withLock { $0 } == [#"{"token":"a\"b","event":"e","events":["e"]}"#])
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42","expiresIn":60}"#) }
        #expect(try await webhook.user(of: self.question("t"))?.expiresAt != nil)
        for status in [401, 403, 404] {
            self.backEnd.answer.withLock { $0 = (status, "") }
            #expect(try await webhook.user(of: self.question("t")) == nil)
        }
        let long = String(repeating: "x", count: 8193)
        for answer in [(200, ""), (200, "{}"), (200, #"{"user":""}"#), (200, #"{"user":"\#(long)"}"#), (500, "")] {
            self.backEnd.answer.withLock { $0 = answer }
            await #expect(throws: PushUnavailable.self) { try await webhook.user(of: self.question("t")) }
        }
    }

    @Test("after five failures in a row it is left alone, then tried once")
    func breaker() async throws {
        let webhook = self.backEnd.webhook()
        for _ in 0..<8 {
            await #expect(throws: PushUnavailable.self) { try await webhook.user(of: self.question("t")) }
        }
        #expect(self.backEnd.asked.withLock { $0.count } == 5)
        self.backEnd.now.withLock { $0 = $0 + .seconds(10) }
        for _ in 0..<3 {
            await #expect(throws: PushUnavailable.self) { try await webhook.user(of: self.question("t")) }
        }
        #expect(self.backEnd.asked.withLock { $0.count } == 6)
        self.backEnd.now.withLock { $0 = $0 + .seconds(10) }
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42"}"#) }
        for _ in 0..<3 { #expect(try await webhook.user(of: self.question("t")) == PushUser("42")) }
    }

    @Test("an answer is an answer: its faults for one client shut nobody out")
    func ownFaults() async throws {
        let webhook = self.backEnd.webhook()
        self.backEnd.answer.withLock { $0 = (500, "") }
        for _ in 0..<20 {
            await #expect(throws: PushUnavailable.self) { try await webhook.user(of: self.question("t")) }
        }
        #expect(self.backEnd.asked.withLock { $0.count } == 20)
        // Gateway errors of one client's requests count once.
        self.backEnd.answer.withLock { $0 = (502, "") }
        for _ in 0..<20 {
            await #expect(throws: PushUnavailable.self) {
                try await webhook.user(of: self.question("t", address: "192.0.2.1"))
            }
        }
        #expect(self.backEnd.asked.withLock { $0.count } == 40)
    }

    @Test("the addresses of one IPv6 network are one client")
    func network() async throws {
        let webhook = self.backEnd.webhook()
        self.backEnd.answer.withLock { $0 = (502, "") }
        for number in 1...20 {
            await #expect(throws: PushUnavailable.self) {
                try await webhook.user(of: self.question("t", address: "2001:db8::\(number)"))
            }
        }
        #expect(self.backEnd.asked.withLock { $0.count } == 20)
    }

    @Test("a client without an address that has failed is not given the trial either")
    func trialWithoutAddress() async throws {
        let webhook = self.backEnd.webhook()
        self.backEnd.answer.withLock { $0 = (502, "") }
        for address in [nil, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            await #expect(throws: PushUnavailable.self) {
                try await webhook.user(of: self.question("t", address: address))
            }
        }
        self.backEnd.now.withLock { $0 = $0 + .seconds(10) }
        await #expect(throws: PushUnavailable.self) { try await webhook.user(of: self.question("t")) }
        #expect(self.backEnd.asked.withLock { $0.count } == 5)
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42"}"#) }
        #expect(try await webhook.user(of: self.question("t", address: "192.0.2.5")) == PushUser("42"))
    }

    @Test("several events are one question, without a single event that could be taken for all")
    func severalEvents() async throws {
        let webhook = self.backEnd.webhook()
        self.backEnd.answer.withLock { $0 = (200, #"{"user":42}"#) }
        #expect(try await webhook.user(of: self.question("t", "a", "b")) == PushUser("42"))
        #expect(self.backEnd.asked.withLock { $0 } == [#"{"token":"t","events":["a","b"]}"#])
    }

    @Test("equal questions at once are asked once, and answers are kept for as long as they may be")
    func shared() async throws {
        let gate = AsyncStream<Void>.makeStream()
        let asked = Mutex(0)
        let now = Mutex(NIODeadline.uptimeNanoseconds(1))
        let webhook = AuthWebhook(
            url: "https://back.example", cache: .seconds(5), logger: Logger(label: "test"), now: { now.withLock { $0 } }
        ) { _ in
            asked.withLock { $0 += 1 }
            for await _ in gate.stream { break }
            return (200, Data(#"{"user":"42"}"#.utf8))
        }
        let users = try await withThrowingTaskGroup(of: PushUser?.self) { group in
            for _ in 0..<100 { group.addTask { try await webhook.user(of: self.question("t")) } }
            while asked.withLock({ $0 }) == 0 { await Task.yield() }
            gate.continuation.finish()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(users == Array(repeating: PushUser("42"), count: 100))
        _ = try await webhook.user(of: self.question("t"))
        #expect(asked.withLock { $0 } == 1)
        now.withLock { $0 = $0 + .seconds(5) }
        _ = try await webhook.user(of: self.question("t"))
        #expect(asked.withLock { $0 } == 2)
    }

    @Test("an answer that is kept is charged with its user's name")
    func cost() {
        var answers = AuthAnswers(age: .seconds(5))
        let start = NIODeadline.uptimeNanoseconds(1)
        let user = PushUser(String(repeating: "x", count: 8000))
        for number in 0..<5000 {
            _ = answers.finish(.init(self.question("\(number)")), .success(user), at: start)
        }
        let known = (0..<5000).filter { number in
            let answer = answers.begin(.init(self.question("\(number)")), at: start) { _ in }
            return if case .known = answer { true } else { false }
        }
        #expect(answers.bytes <= AuthAnswers.byteLimit && (1500...2100).contains(known.count))
        _ = answers.begin(.init(self.question("other")), at: start + .seconds(6)) { _ in }
        #expect(answers.bytes == 0)
    }

    @Test("what waits for a place waits in its order, and is no fault of the back end")
    func queue() async throws {
        let queue = BackEndQueue(width: 2, byteLimit: 100, share: 100)
        let first = await queue.enter(cost: 60, for: "a")
        let second = await queue.enter(cost: 60, for: "a")
        #expect(first && second)
        async let third = queue.enter(cost: 60, for: "a")
        while queue.waitingBytes == 0 { await Task.yield() }
        let tooMany = await queue.enter(cost: 60, for: "b")
        #expect(!tooMany)
        queue.leave()
        let isIn = await third
        #expect(isIn && queue.waitingBytes == 0)
    }

    @Test("clients take turns, and each keeps its own order")
    func turns() {
        var turns = ClientTurns<String>(limit: 1000, share: 1000)
        let waiting = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]
        let areIn = waiting.map { turns.append($0, cost: 10, of: String($0.prefix(1))) }
        #expect(!areIn.contains(false) && turns.cost == 70)
        let first = (0..<2).map { _ in turns.popFirst() }
        #expect(first == ["a1", "b1"])
        // Whoever comes later has a turn behind those that wait.
        let isIn = turns.append("d1", cost: 10, of: "d")
        let rest = (0..<7).map { _ in turns.popFirst() }
        #expect(isIn && rest == ["c1", "a2", "b2", "d1", "a3", "a4", nil] && turns.cost == 0)
    }

    @Test("a client has its share of what may wait, and no more")
    func shares() {
        var turns = ClientTurns<Int>(limit: 100, share: 40)
        let ofOne = (0..<5).map { turns.append($0, cost: 20, of: "a") }
        let ofOther = (0..<2).map { turns.append($0, cost: 20, of: "b") }
        let ofAll = (0..<2).map { turns.append($0, cost: 20, of: "c") }
        #expect(ofOne == [true, true, false, false, false] && ofOther == [true, true] && ofAll == [true, false])
        let next = turns.popFirst()
        let again = turns.append(7, cost: 20, of: "a")
        #expect(next == 0 && again && turns.cost == 100)
        while turns.popFirst() != nil {}
        #expect(turns.cost == 0)
    }

    private final class Gate: Sendable {
        private struct State {
            var isOpen = false
            var waiting: [CheckedContinuation<Void, Never>] = []
        }

        private let state = Mutex(State())

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = self.state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = self.state.withLock { state in
                state.isOpen = true
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    @Test("an address with very many tokens does not make another wait for all of them", .timeLimit(.minutes(1)))
    func fairness() async {
        let asked = Mutex<[String]>([])
        let gate = Gate()
        let webhook = AuthWebhook(
            url: "https://back.example", logger: Logger(label: "test"), now: { .uptimeNanoseconds(1) }
        ) { json in
            asked.withLock { $0.append(json) }
            await gate.pass()
            return (200, Data(#"{"user":"42"}"#.utf8))
        }
        await withTaskGroup(of: Void.self) { group in
            for number in 1000..<2000 {
                let question = self.question("made up \(number)", address: "192.0.2.1")
                group.addTask { _ = try? await webhook.user(of: question) }
            }
            while asked.withLock({ $0.isEmpty }) { await Task.yield() }
            // All but the 64 that are under way wait; their texts have one length.
            let waiting = 936 * (2048 + asked.withLock { $0[0].utf8.count })
            while webhook.waitingBytes < waiting { await Task.yield() }
            let question = self.question("good", address: "192.0.2.2")
            group.addTask { _ = try? await webhook.user(of: question) }
            while webhook.waitingBytes == waiting { await Task.yield() }
            gate.open()
        }
        let place = asked.withLock { $0.firstIndex { $0.contains("good") } }
        #expect(place.map { $0 < 200 } == true)
    }

    @Test("a trial that is under way is the only one")
    func halfOpen() {
        var breaker = CircuitBreaker(threshold: 2, pause: .seconds(1))
        let now = NIODeadline.uptimeNanoseconds(1)
        let closed = [
            breaker.mayAsk(for: nil, at: now), breaker.failed(for: nil, at: now), breaker.failed(for: nil, at: now),
        ]
        #expect(closed == [true, false, true])
        let open = [
            breaker.mayAsk(for: nil, at: now), breaker.mayAsk(for: nil, at: now + .seconds(1)),
            breaker.mayAsk(for: nil, at: now + .hours(1)),
        ]
        #expect(open == [false, true, false])
        breaker.succeeded()
        let again = [breaker.mayAsk(for: nil, at: now), breaker.failed(for: nil, at: now)]
        #expect(again == [true, false])
    }

    @Test("failures count once for a client, and the trial is another's")
    func clients() {
        var breaker = CircuitBreaker(threshold: 2, pause: .seconds(1))
        let now = NIODeadline.uptimeNanoseconds(1)
        let ofOne = (0..<10).map { _ in breaker.failed(for: "a", at: now) }
        #expect(!ofOne.contains(true))
        let ofTwo = breaker.failed(for: "b", at: now)
        #expect(ofTwo)
        let trials = ["a", "b", "c", "c"].map { breaker.mayAsk(for: $0, at: now + .seconds(1)) }
        #expect(trials == [false, false, true, false])
        _ = breaker.failed(for: "c", at: now + .seconds(1))
        // Nobody else comes.
        let late = breaker.mayAsk(for: "a", at: now + .seconds(3))
        #expect(late)
    }
}
