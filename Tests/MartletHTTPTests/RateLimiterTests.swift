import NIOCore
import Synchronization
import Testing

@testable import MartletHTTP

@Suite("Rates and numbers of connections")
struct RateLimiterTests {
    private final class Clock: Sendable {
        private let seconds = Mutex(1000.0)
        func pass(_ time: Double) { self.seconds.withLock { $0 += time } }
        var now: NIODeadline { .uptimeNanoseconds(UInt64(self.seconds.withLock { $0 } * 1e9)) }
    }

    @Test("a burst passes, then the rate, for each name apart")
    func rates() {
        let clock = Clock()
        let limiter = RateLimiter(RateLimit(perSecond: 2, burst: 3)) { clock.now }
        for _ in 0..<3 { #expect(limiter.refusal(of: "a") == nil) }
        #expect(limiter.refusal(of: "a") == 1)
        #expect(limiter.refusal(of: "b") == nil)
        clock.pass(0.5)
        #expect(limiter.refusal(of: "a") == nil)
        #expect(limiter.refusal(of: "a") == 1)
        clock.pass(1000)
        for _ in 0..<3 { #expect(limiter.refusal(of: "a") == nil) }
        #expect(limiter.refusal(of: "a") == 1)
    }

    @Test("what is charged beyond the burst is owed")
    func debts() {
        let clock = Clock()
        let limiter = RateLimiter(RateLimit(perSecond: 0.1, burst: 2)) { clock.now }
        #expect(limiter.refusal(of: "a") == nil)
        limiter.charge("a", 3)
        #expect(limiter.refusal(of: "a") == 30)
        clock.pass(29)
        #expect(limiter.refusal(of: "a") == 1)
        clock.pass(1)
        #expect(limiter.refusal(of: "a") == nil)
    }

    @Test("a new limit begins anew, and none lets everything through")
    func changes() {
        let clock = Clock()
        let limiter = RateLimiter(nil) { clock.now }
        for _ in 0..<100 { #expect(limiter.refusal(of: "a") == nil) }
        limiter.setLimit(RateLimit(perSecond: 1))
        #expect(limiter.refusal(of: "a") == nil)
        limiter.setLimit(RateLimit(perSecond: 1))
        #expect(limiter.refusal(of: "a") == 1, "the same limit goes on")
        limiter.setLimit(RateLimit(perSecond: 1, burst: 5))
        #expect(limiter.refusal(of: "a") == nil)
    }

    @Test("names that are left alone are forgotten; those that owe are not")
    func memory() {
        let clock = Clock()
        let limiter = RateLimiter(RateLimit(perSecond: 1, burst: 2)) { clock.now }
        limiter.charge("debtor", 100_000)
        for number in 0..<5000 {
            #expect(limiter.refusal(of: "\(number)") == nil)
            clock.pass(0.01)
        }
        #expect(limiter.nameCount < 2100)
        #expect(limiter.refusal(of: "debtor") != nil)
    }

    @Test(
        "a client is known by its IPv4 address or its IPv6 network",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
            ("2001:db8:0:1:ffff::", "2001:db8:0:1::/64"), ("2001:db8:0:2::5", "2001:db8:0:2::/64"),
            ("::1", "0:0:0:0::/64"),
            ("no address", "no address"), ("a:b", "a:b"),
        ])
    func clientNames(address: String, name: String) { #expect(IPNetwork.client(address) == name) }

    @Test("clients are counted in all and by address, and given back")
    func connections() throws {
        let limiter = ConnectionLimiter(clients: 3, perAddress: 2)
        let first = try limiter.admit(address: "a")
        _ = try limiter.admit(address: "a")
        #expect(throws: ConnectionLimiter.Refusal.tooMany(reason: "too many connections from a", retryAfter: 1)) {
            _ = try limiter.admit(address: "a")
        }
        let nameless = try limiter.admit(address: nil)
        #expect(throws: ConnectionLimiter.Refusal.full) { _ = try limiter.admit(address: "b") }
        nameless.end()
        _ = try limiter.admit(address: "b")
        first.end()
        _ = try limiter.admit(address: "a")
        #expect(limiter.clientCount == 3)
        // Fewer than there are: nothing is removed or added.
        limiter.setLimits(clients: 1, perAddress: nil, rate: nil)
        #expect(throws: ConnectionLimiter.Refusal.full) { _ = try limiter.admit(address: "c") }
    }
}
