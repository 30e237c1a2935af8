import Synchronization
import Testing

@testable import MartletServer

@Suite("Looking at the figures")
struct FigureSamplerTests {
    @Test("each look is one at the time of its clock")
    func looks() {
        let seconds = Mutex(0)
        let sampler = FigureSampler {
            .seconds(seconds.withLock { $0 })
        } read: {
            var totals = FigureTotals(deliveryTimes: [])
            totals[.pushes] = Double(seconds.withLock { $0 * $0 })
            return totals
        }
        #expect(sampler.latest(.pushes) == nil)
        for second in 0...4 {
            seconds.withLock { $0 = second }
            sampler.sample()
        }
        #expect(sampler.latest(.pushes) == 7)
        let samples = sampler.samples(of: .tenMinutes, after: -1)
        #expect(samples.figures["pushes"] == [nil, 1, 3, 5, 7])
    }
}
