import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import MartletAuth

@Suite("Wrong keys")
struct KeyGuardTests {
    private final class Clock: Sendable {
        let now = Mutex(NIODeadline.uptimeNanoseconds(1))
    }

    private let clock = Clock()
    private let keys = APIKeys([APIKey("right-key-of-the-back-end", name: "back end")])

    private func makeGuard() -> KeyGuard { KeyGuard(now: { [clock] in clock.now.withLock { $0 } }) }

    @Test("slow their address down, whatever it shows then, and nobody else")
    func slowed() {
        let guarding = self.makeGuard()
        func check(_ key: String, _ address: String) -> KeyCheck { self.keys.check([key], from: address, guarding) }
        #expect(guarding.isQuiet)
        for number in 0..<10 { #expect(check("\(number)", "192.0.2.1") == .wrong) }
        #expect(!guarding.isQuiet)
        #expect(check("x", "192.0.2.1") == .tooMany(seconds: 5))
        #expect(check("right-key-of-the-back-end", "192.0.2.1") == .tooMany(seconds: 5))
        #expect(check("right-key-of-the-back-end", "192.0.2.2") == .right("back end"))
        self.clock.now.withLock { $0 = $0 + .seconds(5) }
        #expect(check("right-key-of-the-back-end", "192.0.2.1") == .right("back end"))
    }

    @Test("shut out nobody who has shown the right one from there before")
    func known() {
        let guarding = self.makeGuard()
        func check(_ key: String) -> KeyCheck { self.keys.check([key], from: "192.0.2.1", guarding) }
        #expect(check("right-key-of-the-back-end") == .right("back end"))
        for number in 0..<100 { _ = check("\(number)") }
        #expect(check("right-key-of-the-back-end") == .right("back end"))
        #expect(check("other") == .tooMany(seconds: 5))
    }

    @Test("cannot be tried by the dozen in one request: among more than two a right one is wrong")
    func many() {
        let guarding = self.makeGuard()
        let right = "right-key-of-the-back-end"
        #expect(self.keys.check(["x", "y", right], from: "192.0.2.1", guarding) == .wrong)
        #expect(self.keys.check(Array(repeating: right, count: 100), from: "192.0.2.1", guarding) == .wrong)
        #expect(self.keys.check(["x", right], from: "192.0.2.1", guarding) == .right("back end"))
        #expect(self.keys.key(of: ["X-API-Key": "x", "x-api-key": "y", "Authorization": "Bearer \(right)"]) == nil)
    }

    @Test("are not taken for right ones that have the same bytes together")
    func sameBytes() {
        let guarding = self.makeGuard()
        func check(_ shown: String...) -> KeyCheck { self.keys.check(shown, from: "192.0.2.1", guarding) }
        #expect(check("x", "right-key-of-the-back-end") == .right("back end"))
        for number in 0..<20 { _ = check("\(number)") }
        #expect(check("xright-key-of-the-", "back-end") == .tooMany(seconds: 5))
    }

    @Test("are forgotten after a while, and a request without a key is none")
    func forgotten() {
        let guarding = self.makeGuard()
        #expect(self.keys.check([], from: "192.0.2.1", guarding) == .missing)
        #expect(guarding.isQuiet)
        _ = self.keys.check(["x"], from: "192.0.2.1", guarding)
        self.clock.now.withLock { $0 = $0 + .minutes(2) }
        _ = self.keys.check(["right-key-of-the-back-end"], from: "192.0.2.1", guarding)
        #expect(guarding.isQuiet)
    }

    @Test("that are short are named")
    func short() {
        #expect(APIKeys([APIKey("short", name: "a"), APIKey("0123456789abcdef", name: "b")]).shortNames == ["a"])
    }
}
