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

    private func begin(
        _ cache: inout IdempotencyCache, _ key: String, message: Int = 1, after time: TimeAmount = .zero
    ) -> IdempotencyCache.Answer {
        cache.begin(self.key(key), message: message, at: self.start + time) { _ in }
    }

    @Test("are answered as before until their time is over")
    func age() {
        var cache = IdempotencyCache()
        let result = PublishResult(delivered: 3, position: nil)
        #expect(self.begin(&cache, "a").isFirst)
        let waiting = cache.finish(self.key("a"), result)
        #expect(waiting.isEmpty)
        let nearly = TimeAmount.minutes(5) - .nanoseconds(1)
        #expect(self.begin(&cache, "a", after: nearly).result?.delivered == 3)
        #expect(self.begin(&cache, "b", after: nearly).isFirst)
        #expect(self.begin(&cache, "a", after: .minutes(5)).isFirst)
    }

    @Test("wait for the first that has not been done")
    func pending() {
        var cache = IdempotencyCache()
        #expect(self.begin(&cache, "a").isFirst)
        let second = self.begin(&cache, "a")
        #expect(!second.isFirst && second.result == nil)
        let waiting = cache.finish(self.key("a"), PublishResult(delivered: 1, position: nil))
        #expect(waiting.count == 1)
    }

    @Test("are refused for another message, done or not")
    func otherMessage() {
        var cache = IdempotencyCache()
        _ = self.begin(&cache, "a")
        #expect(self.begin(&cache, "a", message: 2).isOtherMessage)
        _ = cache.finish(self.key("a"), PublishResult(delivered: 1, position: nil))
        #expect(self.begin(&cache, "a", message: 2).isOtherMessage)
        #expect(!self.begin(&cache, "a").isOtherMessage)
    }

    @Test("that others wait for are not forgotten, however many come in between")
    func pendingStays() {
        var cache = IdempotencyCache()
        _ = self.begin(&cache, "a")
        _ = self.begin(&cache, "a")
        for number in 0...IdempotencyCache.limit { _ = self.begin(&cache, "\(number)") }
        let waiting = cache.finish(self.key("a"), PublishResult(delivered: 0, position: nil))
        #expect(waiting.count == 1)
    }

    @Test("take no memory beyond a limit: the oldest go")
    func limit() {
        var cache = IdempotencyCache()
        for number in 0...IdempotencyCache.limit {
            _ = self.begin(&cache, "\(number)")
            _ = cache.finish(self.key("\(number)"), PublishResult(delivered: 0, position: nil))
        }
        #expect(cache.count == IdempotencyCache.limit)
        #expect(!self.begin(&cache, "\(IdempotencyCache.limit)").isFirst)
        #expect(self.begin(&cache, "0").isFirst)
    }

    @Test("are charged with their names: long ones go earlier")
    func bytes() {
        var cache = IdempotencyCache()
        let user = String(repeating: "x", count: 8192)
        for number in 0..<10_000 {
            let key = IdempotencyCache.Key(channel: UserChannel(user: user, event: "e"), key: "\(number)")
            _ = cache.begin(key, message: 1, at: self.start) { _ in }
            _ = cache.finish(key, PublishResult(delivered: 0, position: nil))
        }
        #expect(cache.bytes <= IdempotencyCache.byteLimit && cache.count < 5000)
    }
}

extension IdempotencyCache.Answer {
    fileprivate var isFirst: Bool { if case .first = self { true } else { false } }
    fileprivate var isOtherMessage: Bool { if case .otherMessage = self { true } else { false } }
    fileprivate var result: PublishResult? { if case .known(let result) = self { result } else { nil } }
}
