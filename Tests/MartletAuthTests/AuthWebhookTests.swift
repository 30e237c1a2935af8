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
                    throw BackEndClient.Failure(description: "down")
                }
                return (answer.status, Data(answer.text.utf8))
            }
        }
    }

    private let backEnd = BackEnd()

    @Test("a user, a refusal, or neither")
    func answers() async throws {
        let webhook = self.backEnd.webhook()
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42","more":1}"#) }
        #expect(try await webhook.user(of: "a\"b", event: "e") == PushUser("42"))
        #expect(self.backEnd.asked.withLock { $0 } == [#"{"token":"a\"b","event":"e"}"#])
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42","expiresIn":60}"#) }
        #expect(try await webhook.user(of: "t", event: "e")?.expiresAt != nil)
        for status in [401, 403, 404] {
            self.backEnd.answer.withLock { $0 = (status, "") }
            #expect(try await webhook.user(of: "t", event: "e") == nil)
        }
        for answer in [(200, ""), (200, "{}"), (200, #"{"user":""}"#), (500, "")] {
            self.backEnd.answer.withLock { $0 = answer }
            await #expect(throws: PushUnavailable.self) { try await webhook.user(of: "t", event: "e") }
        }
    }

    @Test("after five failures in a row it is left alone, then tried once")
    func breaker() async throws {
        let webhook = self.backEnd.webhook()
        for _ in 0..<8 { await #expect(throws: PushUnavailable.self) { try await webhook.user(of: "t", event: "e") } }
        #expect(self.backEnd.asked.withLock { $0.count } == 5)
        self.backEnd.now.withLock { $0 = $0 + .seconds(10) }
        for _ in 0..<3 { await #expect(throws: PushUnavailable.self) { try await webhook.user(of: "t", event: "e") } }
        #expect(self.backEnd.asked.withLock { $0.count } == 6)
        self.backEnd.now.withLock { $0 = $0 + .seconds(10) }
        self.backEnd.answer.withLock { $0 = (200, #"{"user":"42"}"#) }
        for _ in 0..<3 { #expect(try await webhook.user(of: "t", event: "e") == PushUser("42")) }
    }

    @Test("a trial that is under way is the only one")
    func halfOpen() {
        var breaker = CircuitBreaker(threshold: 2, pause: .seconds(1))
        let now = NIODeadline.uptimeNanoseconds(1)
        let closed = [breaker.mayAsk(at: now), breaker.failed(at: now), breaker.failed(at: now)]
        #expect(closed == [true, false, true])
        let open = [
            breaker.mayAsk(at: now), breaker.mayAsk(at: now + .seconds(1)), breaker.mayAsk(at: now + .hours(1)),
        ]
        #expect(open == [false, true, false])
        breaker.succeeded()
        let again = [breaker.mayAsk(at: now), breaker.failed(at: now)]
        #expect(again == [true, false])
    }
}
