import Testing

@testable import MartletService

@Suite("What the process takes")
struct ProcessUsageTests {
    @Test("memory, time on processors and descriptors are those of this process")
    func usage() {
        #expect(ProcessUsage.memory > 1 << 20 && ProcessUsage.memory < ProcessUsage.memoryLimit)
        #expect(ProcessUsage.processorTime > 0)
        #expect(ProcessUsage.descriptors >= 3)
        #expect(HostName.current != "-")
    }
}
