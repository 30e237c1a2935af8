import MartletPush
import NIOCore
import Testing

@testable import MartletServer

@Suite("Publications with a key")
struct IdempotencyCacheTests {
    private let start = NIODeadline.uptimeNanoseconds(1)

    private func key(_ text: String) -> IdempotencyCache.Key {
        .init(channel: UserChannel(user: "42", event: "e"), key: text)
    }

    @Test("are answered as before until their time is over")
    func age() {
        var cache = IdempotencyCache()
        let result = PublishResult(delivered: 3, position: nil)
        let first = cache.begin(self.key("a"), at: self.start) { _ in }
        let waiting = cache.finish(self.key("a"), result)
        #expect(first.isFirst && waiting.isEmpty)
        let again = cache.begin(self.key("a"), at: self.start + .minutes(5) - .nanoseconds(1)) { _ in }
        #expect(!again.isFirst && again.result?.delivered == 3)
        let other = cache.begin(self.key("b"), at: self.start + .minutes(5) - .nanoseconds(1)) { _ in }
        let later = cache.begin(self.key("a"), at: self.start + .minutes(5)) { _ in }
        #expect(other.isFirst && later.isFirst)
    }

    @Test("wait for the first that has not been done")
    func pending() {
        var cache = IdempotencyCache()
        let first = cache.begin(self.key("a"), at: self.start) { _ in }
        let second = cache.begin(self.key("a"), at: self.start) { _ in }
        #expect(first.isFirst && !second.isFirst && second.result == nil)
        let waiting = cache.finish(self.key("a"), PublishResult(delivered: 1, position: nil))
        #expect(waiting.count == 1)
    }

    @Test("that others wait for are not forgotten, however many come in between")
    func pendingStays() {
        var cache = IdempotencyCache()
        _ = cache.begin(self.key("a"), at: self.start) { _ in }
        _ = cache.begin(self.key("a"), at: self.start) { _ in }
        for number in 0...IdempotencyCache.limit { _ = cache.begin(self.key("\(number)"), at: self.start) { _ in } }
        let waiting = cache.finish(self.key("a"), PublishResult(delivered: 0, position: nil))
        #expect(waiting.count == 1)
    }

    @Test("take no memory beyond a limit: the oldest go")
    func limit() {
        var cache = IdempotencyCache()
        for number in 0...IdempotencyCache.limit {
            _ = cache.begin(self.key("\(number)"), at: self.start) { _ in }
            _ = cache.finish(self.key("\(number)"), PublishResult(delivered: 0, position: nil))
        }
        let last = cache.begin(self.key("\(IdempotencyCache.limit)"), at: self.start) { _ in }
        let first = cache.begin(self.key("0"), at: self.start) { _ in }
        #expect(first.isFirst && !last.isFirst)
    }
}
