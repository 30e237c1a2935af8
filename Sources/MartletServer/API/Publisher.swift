import MartletPush
import NIOCore
import Synchronization

/// Publishes for the API: once for each idempotency key.
final class Publisher: Sendable {
    /// The longest key. Bytes.
    static let keyLength = 255

    private let service: PushService
    private let now: @Sendable () -> NIODeadline
    private let cache = Mutex(IdempotencyCache())

    init(_ service: PushService, now: @escaping @Sendable () -> NIODeadline = { .now() }) {
        self.service = service
        self.now = now
    }

    /// - Parameter key: of at most ``keyLength`` bytes; `nil` to publish whatever was published before.
    func publish(_ message: PushMessage, key: String?) async throws(BrokerError) -> PublishResult {
        guard let key else { return try await self.service.publish(message) }
        let entry = IdempotencyCache.Key(channel: message.channel, key: key)
        let outcome: Result<PublishResult, BrokerError> = await withCheckedContinuation { continuation in
            let (isFirst, result) = self.cache.withLock { cache in
                cache.begin(entry, at: self.now()) { continuation.resume(returning: $0) }
            }
            if let result { return continuation.resume(returning: .success(result)) }
            guard isFirst else { return }
            self.service.publish(message) { outcome in
                let waiting = self.cache.withLock { cache in
                    switch outcome {
                    case .success(let result): cache.finish(entry, result)
                    case .failure: cache.fail(entry)
                    }
                }
                continuation.resume(returning: outcome)
                for completion in waiting { completion(outcome) }
            }
        }
        return try outcome.get()
    }
}
