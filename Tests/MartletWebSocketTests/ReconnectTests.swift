import HTTPTypes
import MartletProtocol
import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("Reconnecting", .timeLimit(.minutes(1)))
struct ReconnectTests {
    /// A clock whose sleeps take no time and are recorded.
    private final class JumpClock: Clock {
        struct Instant: InstantProtocol {
            var offset: Duration
            func advanced(by duration: Duration) -> Instant { Instant(offset: self.offset + duration) }
            func duration(to other: Instant) -> Duration { other.offset - self.offset }
            static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
        }

        let time = Shared(Duration.zero)
        let sleeps = Shared<[Duration]>([])

        var now: Instant { Instant(offset: self.time.value) }
        var minimumResolution: Duration { .nanoseconds(1) }

        func sleep(until deadline: Instant, tolerance: Duration?) async throws {
            try Task.checkCancellation()
            self.sleeps.set(self.sleeps.value + [deadline.offset - self.time.value])
            self.time.set(deadline.offset)
        }
    }

    /// Pauses as long as they may be.
    private static var policy: ReconnectPolicy {
        var policy = ReconnectPolicy()
        policy.random = { 1 }
        return policy
    }

    @Test("a lost connection comes back, the pauses double up to the bound, and 1000 ends it")
    func comesBack() async throws {
        let connections = Shared(0)
        try await Loopback.serve { server in
            server.route("/feed") { _, socket in
                connections.increment()
                let number = connections.value
                try await socket.send(text: "\(number)")
                await socket.close(number < 10 ? .serviceRestart : .normalClosure)
            }
        } _: { url, client in
            let clock = JumpClock()
            var received: [String] = []
            for try await socket in client.reconnecting(to: url + "/feed", policy: Self.policy, clock: clock) {
                for try await case .text(let text) in socket.messages { received.append(text) }
            }
            #expect(received == (1...10).map(String.init))
            let seconds: [Duration] = [
                .seconds(0.5), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(30),
                .seconds(30), .seconds(30),
            ]
            #expect(clock.sleeps.value == seconds)
        }
    }

    @Test("a connection that lasted makes the pauses short again")
    func stable() async throws {
        let clock = JumpClock()
        let connections = Shared(0)
        try await Loopback.serve { server in
            server.route("/feed") { _, socket in
                connections.increment()
                await socket.close(connections.value < 5 ? .goingAway : .normalClosure)
            }
        } _: { url, client in
            var number = 0
            for try await socket in client.reconnecting(to: url + "/feed", policy: Self.policy, clock: clock) {
                number += 1
                if number == 3 { clock.time.set(clock.time.value + .seconds(60)) }
                for try await _ in socket.messages {}
            }
            #expect(clock.sleeps.value == [.seconds(0.5), .seconds(1), .seconds(0.5), .seconds(1)])
        }
    }

    @Test("what the same client would meet again is fatal, what passes is not")
    func decisions() {
        func close(_ code: UInt16) -> ReconnectPolicy.Decision {
            ReconnectPolicy.standardDecision(
                .closed(.init(code: CloseCode(code), reason: "", initiator: .remote, isClean: true)))
        }
        #expect(close(1000) == .finish)
        for code: UInt16 in [1002, 1003, 1007, 1008, 1009, 1010] { #expect(close(code) == .fail) }
        for code: UInt16 in [1001, 1005, 1006, 1011, 1012, 1013, 1014, 3000, 4999] { #expect(close(code) == .retry) }
        func refusal(_ status: Int) -> ReconnectPolicy.Decision {
            let failure = HandshakeFailure(code: .refused, reason: "", status: status)
            return ReconnectPolicy.standardDecision(
                .failed(WebSocketError(.handshakeFailed, reason: "", cause: failure)))
        }
        for status in [101, 200, 301, 400, 401, 403, 404, 426] { #expect(refusal(status) == .fail) }
        for status in [408, 425, 429, 500, 502, 503, 504] { #expect(refusal(status) == .retry) }
        for code in [WebSocketError.Code.invalidURL, .tlsFailed] {
            #expect(ReconnectPolicy.standardDecision(.failed(WebSocketError(code, reason: ""))) == .fail)
        }
        for code in [WebSocketError.Code.connectFailed, .timeout, .proxyFailed] {
            #expect(ReconnectPolicy.standardDecision(.failed(WebSocketError(code, reason: ""))) == .retry)
        }
    }

    @Test(
        "401 ends it with the error; 503 is tried again no sooner than Retry-After says; a number of attempts is enough"
    )
    func refusals() async throws {
        try await Loopback.serve { server in
            server.route("/401", authorize: { _ in .refuse(.unauthorized, reason: "who are you") }) { _, _ in }
            server.route(
                "/503",
                authorize: { _ in
                    .refuse(.serviceUnavailable, reason: "later", headerFields: [.retryAfter: "7"])
                }
            ) { _, _ in }
        } _: { url, client in
            let clock = JumpClock()
            let retries = Shared(0)
            var policy = Self.policy
            policy.maximumAttempts = 3
            policy.onRetry = { _ in retries.increment() }
            let fatal = await #expect(throws: WebSocketError.self) {
                for try await _ in client.reconnecting(to: url + "/401", policy: policy, clock: clock) {}
            }
            #expect(fatal?.handshakeFailure?.status == 401 && retries.value == 0)
            let busy = await #expect(throws: WebSocketError.self) {
                for try await _ in client.reconnecting(to: url + "/503", policy: policy, clock: clock) {}
            }
            #expect(busy?.handshakeFailure?.status == 503 && retries.value == 3)
            #expect(clock.sleeps.value == [.seconds(7), .seconds(7), .seconds(7)])
        }
    }

    @Test("leaving the loop closes the connection")
    func leaving() async throws {
        let codes = Shared<[UInt16]>([])
        try await Loopback.serve { server in
            server.route("/feed") { _, socket in
                try await socket.send(text: "one")
                for try await _ in socket.messages {}
                codes.set(codes.value + [await socket.closed().code.rawValue])
            }
        } _: { url, client in
            for try await socket in client.reconnecting(to: url + "/feed") {
                for try await _ in socket.messages { break }
                break
            }
            while codes.value.isEmpty { await Task.yield() }
            #expect(codes.value == [1000])
        }
    }
}
