import FoundationEssentials
import MartletPush
import NIOCore
import Synchronization
import Testing

@testable import MartletServer

@Suite("The samples as they are sent")
struct FigureAnswersTests {
    private struct Samples: Decodable {
        let first: Int
        let figures: [String: [Double?]]

        var count: Int { self.figures.values.first?.count ?? 0 }
    }

    /// Answers of a sampler that has looked for some seconds, and its clock.
    private static func answers(after seconds: Int) -> (FigureAnswers, sampler: FigureSampler, clock: Clock) {
        let clock = Clock()
        let sampler = FigureSampler(elapsed: { clock.time }) {
            FigureTotals(deliveryTimes: [Int](repeating: 0, count: DeliveryTimes.bounds.count + 1))
        }
        for _ in 0..<seconds { clock.next(sampler) }
        return (FigureAnswers(sampler) { .uptimeNanoseconds(UInt64(clock.time / .nanoseconds(1))) }, sampler, clock)
    }

    private final class Clock: Sendable {
        private let seconds = Mutex(0)

        var time: Duration { .seconds(self.seconds.withLock { $0 }) }

        func next(_ sampler: FigureSampler) {
            self.seconds.withLock { $0 += 1 }
            sampler.sample()
        }
    }

    private static func read(_ bytes: ByteBuffer) throws -> Samples {
        try JSONDecoder().decode(Samples.self, from: Data(bytes.readableBytesView))
    }

    @Test("all samples are made once, however many ask within a second")
    func all() async throws {
        let (answers, sampler, clock) = Self.answers(after: 300)
        let first = try await answers.answer(.tenMinutes, after: -1)
        sampler.sample()
        #expect(try await answers.answer(.tenMinutes, after: -1) == first)
        #expect(try Self.read(first).count >= 299)
        clock.next(sampler)
        #expect(try await answers.answer(.tenMinutes, after: -1) != first)
    }

    @Test("a page gets what is behind its last sample, and all when it lacks much")
    func behind() async throws {
        let (answers, _, _) = Self.answers(after: 300)
        let whole = try Self.read(try await answers.answer(.tenMinutes, after: -1))
        let last = whole.first + whole.count - 1
        let few = try Self.read(try await answers.answer(.tenMinutes, after: last - 10))
        #expect(few.first == last - 9 && few.count == 10)
        let many = try Self.read(try await answers.answer(.tenMinutes, after: last - 200))
        #expect(many.first == whole.first && many.count == whole.count)
    }
}
