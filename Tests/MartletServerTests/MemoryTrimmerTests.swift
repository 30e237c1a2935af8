import Testing

@testable import MartletServer

@Suite("Memory trimmer")
struct MemoryTrimmerTests {
    private static func trims(_ counts: [Int]) -> [Int] {
        var trimmer = MemoryTrimmer()
        return counts.indices.filter { trimmer.observe(counts[$0]) }
    }

    @Test("memory is given back once a departure is over, and once only")
    func departure() {
        #expect(Self.trims([0, 10_000, 10_000, 6000, 900, 0, 0, 0]) == [6])
        #expect(Self.trims([0, 10_000, 3000, 3000, 3000, 0, 0]) == [3, 6])
    }

    @Test("coming and going is no departure, nor is a small one")
    func churn() {
        #expect(Self.trims([5000, 5100, 4900, 5050, 4800, 5000]).isEmpty)
        #expect(Self.trims([900, 0, 0]).isEmpty)
        #expect(Self.trims([10_000, 6000, 6000]).isEmpty)
    }
}
