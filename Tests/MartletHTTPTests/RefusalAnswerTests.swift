import HTTPTypes
import Testing

@testable import MartletHTTP

@Suite("Answers to clients that are not admitted")
struct RefusalAnswerTests {
    @Test("a server that is full says when to come back, and keeps no connection")
    func full() {
        let answer = ConnectionLimiter.Refusal.full.answer()
        #expect(answer.status == .serviceUnavailable && !answer.mayStay)
        #expect(answer.fields == [.retryAfter: "5"])
        #expect(!answer.reason.isEmpty)
    }

    @Test("a server that is about to stop sends its clients back at different times")
    func closed() throws {
        var times: Set<Int> = []
        for _ in 0..<200 {
            let answer = ConnectionLimiter.Refusal.closed.answer()
            #expect(answer.status == .serviceUnavailable && !answer.mayStay)
            times.insert(try #require(answer.fields[.retryAfter].flatMap { Int($0) }))
        }
        #expect(times == [1, 2, 3])
    }

    @Test("a client that comes too often is told why and for how long, and may keep the connection")
    func tooMany() {
        let answer = ConnectionLimiter.Refusal.tooMany(reason: "too many from a", retryAfter: 7).answer()
        #expect(answer == Refusal(.tooManyRequests, "too many from a", [.retryAfter: "7"]))
        #expect(answer.mayStay)
    }

    @Test(
        "further headers go along, and none takes the place of Retry-After",
        arguments: [ConnectionLimiter.Refusal.full, .closed, .tooMany(reason: "x", retryAfter: 1)])
    func fields(refusal: ConnectionLimiter.Refusal) {
        let answer = refusal.answer([.retryAfter: "99", .cacheControl: "no-store"])
        #expect(answer.fields[values: .retryAfter].count == 1 && answer.fields[.retryAfter] != "99")
        #expect(answer.fields[.cacheControl] == "no-store")
    }
}
