import Logging
import Testing

@testable import MartletService

@Suite("Lines that repeat")
struct LogThrottleTests {
    private static func key(_ address: String, reason: String = "too much", level: Logger.Level = .info) throws
        -> LogThrottle.Key
    {
        let event = LogEvent(
            level: level, message: "refused a request", metadata: ["address": "\(address)", "reason": "\(reason)"],
            source: "test", file: "test.swift", function: "test()", line: 1)
        return try #require(LogThrottle.Key(event))
    }

    @Test("are counted after the first, and their number is told once a time")
    func counted() throws {
        var throttle = LogThrottle()
        let key = try Self.key("192.0.2.1:4711")
        #expect(throttle.note(key) == .logAndWait(key))
        for _ in 0..<2 { #expect(throttle.note(key) == .leaveOut) }
        #expect(throttle.end(key) == 2)
        #expect(throttle.end(key) == 0)
        #expect(throttle.note(key) == .logAndWait(key))
    }

    @Test("are those of one client, which has many ports, and many addresses of IPv6")
    func clients() throws {
        #expect(try Self.key("192.0.2.1:1") == Self.key("192.0.2.1:2"))
        #expect(try Self.key("192.0.2.1:1") != Self.key("192.0.2.2:1"))
        #expect(try Self.key("[2001:db8::1]:1") == Self.key("[2001:db8::ffff:2]:2"))
        #expect(try Self.key("2001:db8::1") == Self.key("[2001:db8::2]:2"))
        #expect(try Self.key("[2001:db8::1]:1") != Self.key("[2001:db8:0:1::1]:1"))
    }

    @Test("share one line when there are too many kinds of them to remember")
    func manyKinds() throws {
        var throttle = LogThrottle()
        for number in 0..<LogThrottle.limit {
            let key = try Self.key("192.0.2.1", reason: "\(number)")
            #expect(throttle.note(key) == .logAndWait(key))
        }
        let other = try Self.key("192.0.2.2")
        #expect(throttle.note(other) == .logAndWait(.others))
        for number in 0..<100 {
            let key = try Self.key("192.0.2.3", reason: "\(number)")
            #expect(throttle.note(key) == .leaveOut)
        }
        #expect(throttle.end(.others) == 100)
        // Those that are remembered are counted each.
        let known = try Self.key("192.0.2.1", reason: "7")
        #expect(throttle.note(known) == .leaveOut)
        #expect(throttle.end(known) == 1)
    }
}
