import NIOCore
import Testing

@testable import MartletHTTP

@Suite("Drain plan")
struct DrainPlanTests {
    private func batches(over time: TimeAmount) -> [DrainPlan.Batch] {
        var plan = DrainPlan(over: time)
        var batches: [DrainPlan.Batch] = []
        while let batch = plan.next() { batches.append(batch) }
        return batches
    }

    @Test(
        "there is a batch each 100 ms, and the last ends everything",
        arguments: [(0, 1), (99, 1), (1000, 10), (5050, 50)])
    func steps(milliseconds: Int64, count: Int) {
        let batches = self.batches(over: .milliseconds(milliseconds))
        #expect(batches.count == count)
        #expect(batches.last == .init(share: 1, isLast: true))
        #expect(batches.dropLast().allSatisfy { !$0.isLast && $0.share > 0 && $0.share <= 1 })
    }

    @Test("connections end evenly over the time, few as well as many", arguments: [1, 7, 1000])
    func evenly(total: Int) {
        var sum = 0.0
        let rounds = 2000 / total + 5
        for _ in 0..<rounds {
            var left = total
            for (index, batch) in self.batches(over: .seconds(2)).enumerated() {
                let count = batch.count(of: left)
                left -= count
                sum += Double(count * index)
            }
            #expect(left == 0)
        }
        let mean = sum / Double(total * rounds)
        #expect((7.0...12.0).contains(mean), "\(mean) of 19 batches")
    }
}
