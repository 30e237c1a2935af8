import MartletPush
import NIOCore
import Synchronization

/// Publishes for the API: once for each idempotency key.
final class Publisher: Sendable {
    enum Failure: Error {
        case broker(BrokerError)
        /// The key was used for another message.
        case keyOfOtherMessage

        static let otherMessage = "this idempotency key was used for another message"
    }

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
    func publish(_ message: PushMessage, key: String?) async throws(Failure) -> PublishResult {
        let outcome: Result<PublishResult, Failure>
        if let key {
            let entry = IdempotencyCache.Key(channel: message.channel, key: key)
            outcome = await withCheckedContinuation { self.publish(message, entry, $0) }
        } else {
            outcome = await withCheckedContinuation { continuation in
                self.service.publish(message) { continuation.resume(returning: $0.mapError(Failure.broker)) }
            }
        }
        return try outcome.get()
    }

    private func publish(
        _ message: PushMessage, _ entry: IdempotencyCache.Key,
        _ continuation: CheckedContinuation<Result<PublishResult, Failure>, Never>
    ) {
        let fingerprint = Self.fingerprint(message.message)
        let answer = self.cache.withLock { cache in
            cache.begin(entry, message: fingerprint, at: self.now()) {
                continuation.resume(returning: $0.mapError(Failure.broker))
            }
        }
        switch answer {
        case .known(let result): return continuation.resume(returning: .success(result))
        case .otherMessage: return continuation.resume(returning: .failure(.keyOfOtherMessage))
        case .waits: return
        case .first: break
        }
        self.service.publish(message) { outcome in
            let waiting = self.cache.withLock { cache in
                switch outcome {
                case .success(let result): cache.finish(entry, result)
                case .failure: cache.fail(entry)
                }
            }
            continuation.resume(returning: outcome.mapError(Failure.broker))
            for completion in waiting { completion(outcome) }
        }
    }

    /// A number that two messages have in common only by chance, once in 2^64.
    private static func fingerprint(_ message: String) -> Int {
        var hasher = Hasher()
        ExactString(message).hash(into: &hasher)
        return hasher.finalize()
    }
}
