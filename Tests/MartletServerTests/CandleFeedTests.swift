import Testing

@testable import MartletServer

@Suite("The demo's price")
struct CandleFeedTests {
    private struct Alternating: RandomNumberGenerator {
        private var state: UInt64 = 1

        mutating func next() -> UInt64 {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return self.state
        }
    }

    private static let start = 1_800_000_000_000

    @Test("what nobody watched is made up, so that there are candles from the first")
    func first() {
        var feed = CandleFeed(generator: Alternating())
        feed.tick(at: Self.start)
        #expect(feed.candles.count == CandleFeed.kept)
        #expect(feed.candles.last?.number == Self.start / CandleFeed.milliseconds)
    }

    @Test(
        "candles follow one another, each opens where the last closed, and holds its prices",
        arguments: [0, 1, 30, 500])
    func invariant(ticks: Int) {
        var feed = CandleFeed(generator: Alternating())
        feed.tick(at: Self.start)
        for tick in 1..<(ticks + 1) { feed.tick(at: Self.start + tick * CandleFeed.tickMilliseconds) }
        for (one, next) in zip(feed.candles, feed.candles.dropFirst()) {
            #expect(next.number == one.number + 1)
            #expect(next.open == one.close)
        }
        for candle in feed.candles {
            #expect(candle.low <= min(candle.open, candle.close))
            #expect(candle.high >= max(candle.open, candle.close))
        }
        #expect(feed.tickCount == ticks + 1)
        #expect(feed.candles.count == CandleFeed.kept)
    }

    @Test("a change within a candle changes no other")
    func change() {
        var feed = CandleFeed(generator: Alternating())
        feed.tick(at: Self.start)
        let before = feed.candles
        feed.tick(at: Self.start + CandleFeed.milliseconds - 1)
        #expect(feed.candles.dropLast() == before.dropLast())
        #expect(feed.candles.last?.open == before.last?.open)
    }

    @Test("after a pause there is no hole, and no more is kept than before")
    func pause() {
        var feed = CandleFeed(generator: Alternating())
        feed.tick(at: Self.start)
        feed.tick(at: Self.start + 10 * CandleFeed.milliseconds)
        feed.tick(at: Self.start + 1000 * CandleFeed.milliseconds)
        let numbers = feed.candles.map(\.number)
        #expect(numbers.count == CandleFeed.kept)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 })
    }

    @Test("a clock that goes back opens no candle")
    func clock() {
        var feed = CandleFeed(generator: Alternating())
        feed.tick(at: Self.start)
        let last = feed.candles.last?.number
        feed.tick(at: Self.start - 60_000)
        #expect(feed.candles.last?.number == last)
    }
}
