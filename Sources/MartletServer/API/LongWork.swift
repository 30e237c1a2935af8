import Dispatch

/// Work that takes long, on a thread of its own, one piece after the other: the threads that all requests share are not
/// held up by it.
enum LongWork {
    /// Bytes of a body from which reading it is long work: below it, it takes less than a millisecond or two.
    static let size = 16 * 1024

    private static let queue = DispatchQueue(label: "martlet.long", qos: .utility)

    /// - Parameter size: bytes that the work is about; a little is done at once.
    static func run<Value: Sendable>(_ size: Int, _ work: @escaping @Sendable () -> Value) async -> Value {
        guard size >= Self.size else { return work() }
        return await withCheckedContinuation { continuation in
            self.queue.async { continuation.resume(returning: work()) }
        }
    }
}
