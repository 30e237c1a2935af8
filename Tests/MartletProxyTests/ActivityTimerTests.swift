import NIOCore
import NIOEmbedded
import Testing

@testable import MartletProxy

@Suite("Timers of activity")
struct ActivityTimerTests {
    /// An event loop whose time the test moves, and how often the timer has fired.
    private final class Bench {
        let loop = EmbeddedEventLoop()
        var count = 0
    }

    @Test("silence is measured from the last sign of life, however many there were")
    func touched() {
        let bench = Bench()
        let timer = ActivityTimer(.milliseconds(300), on: bench.loop) { bench.count += 1 }
        for _ in 0..<10 {
            bench.loop.advanceTime(by: .milliseconds(299))
            timer.touch()
        }
        #expect(bench.count == 0)
        bench.loop.advanceTime(by: .milliseconds(299))
        #expect(bench.count == 0)
        bench.loop.advanceTime(by: .milliseconds(1))
        #expect(bench.count == 1)
    }

    @Test("time that had passed before is included, until the first sign of life")
    func begun() {
        let bench = Bench()
        bench.loop.advanceTime(by: .seconds(1))
        let start = bench.loop.now - .milliseconds(250)
        let timer = ActivityTimer(.milliseconds(300), since: start, on: bench.loop) { bench.count += 1 }
        bench.loop.advanceTime(by: .milliseconds(49))
        timer.touch()
        bench.loop.advanceTime(by: .milliseconds(299))
        #expect(bench.count == 0)
        bench.loop.advanceTime(by: .milliseconds(1))
        #expect(bench.count == 1)
    }

    @Test("a timer whose time is over when it begins fires at once, and a stopped one never")
    func over() {
        let bench = Bench()
        bench.loop.advanceTime(by: .seconds(1))
        let late = ActivityTimer(.milliseconds(300), since: bench.loop.now - .seconds(1), on: bench.loop) {
            bench.count += 1
        }
        bench.loop.run()
        #expect(bench.count == 1)
        late.stop()
        let stopped = ActivityTimer(.milliseconds(300), on: bench.loop) { bench.count += 1 }
        stopped.stop()
        bench.loop.advanceTime(by: .seconds(1))
        #expect(bench.count == 1)
    }
}
