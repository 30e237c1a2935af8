// ThreadSanitizer does not see into the standard library's `Mutex` on Linux, which is built on a futex, and reports
// everything that it protects as races. A build with `-D THREAD_SANITIZER` (see `make sanitize`) uses POSIX mutexes
// instead, which it understands; the locking itself is the same.
#if THREAD_SANITIZER
import Glibc

/// A replacement for the standard library's `Mutex`, made of a POSIX mutex.
///
/// `@unchecked Sendable`: the mutex protects the value, which the compiler cannot know.
package struct PosixMutex<Value>: @unchecked Sendable {
    private final class Storage {
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        var value: Value

        init(_ value: Value) {
            self.value = value
            self.mutex.initialize(to: pthread_mutex_t())
            pthread_mutex_init(self.mutex, nil)
        }

        deinit {
            pthread_mutex_destroy(self.mutex)
            self.mutex.deallocate()
        }
    }

    private let storage: Storage

    package init(_ value: Value) { self.storage = Storage(value) }

    package borrowing func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(self.storage.mutex)
        defer { pthread_mutex_unlock(self.storage.mutex) }
        return try body(&self.storage.value)
    }
}

typealias Mutex = PosixMutex
#endif
