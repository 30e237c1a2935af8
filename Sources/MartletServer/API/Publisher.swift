import MartletPush
import NIOCore
import Synchronization

/// Publishes for the API: once for each idempotency key.
final class Publisher: Sendable {
    /// Bytes.
    static let keyLength = 255

    private let service: PushService
    private let now: @Sendable () -> NIODeadline
    private let cache = Mutex(IdempotencyCache())

    init(_ service: PushService, now: @escaping @Sendable () -> NIODeadline = { .now() }) {
        self.service = service
        self.now = now
    }

    /// - Parameter key: of at most ``keyLength`` bytes; `nil` to publish whatever was published before.
    func publish(_ message: PushMessage, key: String?) async -> PublishResult {
        guard let key else { return await self.service.publish(message) }
        let entry = IdempotencyCache.Key(channel: message.channel, key: key)
        return await withCheckedContinuation { continuation in
            let (isFirst, result) = self.cache.withLock { cache in
                cache.begin(entry, at: self.now()) { continuation.resume(returning: $0) }
            }
            if let result { return continuation.resume(returning: result) }
            guard isFirst else { return }
            self.service.publish(message) { result in
                let waiting = self.cache.withLock { $0.finish(entry, result) }
                continuation.resume(returning: result)
                for completion in waiting { completion(result) }
            }
        }
    }
}
