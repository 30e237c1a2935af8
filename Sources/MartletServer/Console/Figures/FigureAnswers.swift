import FoundationEssentials
import NIOCore
import Synchronization

/// The samples of a span as JSON. All of them are made once a second at most, however many ask: strangers may.
final class FigureAnswers: Sendable {
    /// The most samples behind the page's last one that are made for it alone; a page that lacks more gets all.
    private static let most = 120
    private static let lifetime = TimeAmount.seconds(1)

    private struct Answer {
        let bytes: ByteBuffer
        let madeAt: NIODeadline
    }

    private let sampler: FigureSampler
    private let now: @Sendable () -> NIODeadline
    private let answers = Mutex<[FigureSpan: Answer]>([:])

    init(_ sampler: FigureSampler, now: @escaping @Sendable () -> NIODeadline = { .now() }) {
        self.sampler = sampler
        self.now = now
    }

    /// - Parameter after: the number behind which samples are wanted; -1 for all.
    func answer(_ span: FigureSpan, after: Int) async throws -> ByteBuffer {
        if after >= 0, self.sampler.count(of: span, after: after) <= Self.most {
            return try Self.encode(self.sampler.samples(of: span, after: after))
        }
        return try await LongWork.run(LongWork.size) { () -> Result<ByteBuffer, any Error> in
            let now = self.now()
            if let answer = self.answers.withLock({ $0[span] }), now - answer.madeAt < Self.lifetime {
                return .success(answer.bytes)
            }
            return Result {
                let bytes = try Self.encode(self.sampler.samples(of: span, after: -1))
                self.answers.withLock { $0[span] = Answer(bytes: bytes, madeAt: now) }
                return bytes
            }
        }.get()
    }

    private static func encode(_ samples: FigureSamples) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return ByteBuffer(bytes: try encoder.encode(samples))
    }
}
