#if THREAD_SANITIZER
import MartletProtocol

/// The mutex that ThreadSanitizer understands; see `PosixMutex`.
typealias Mutex = PosixMutex
#endif
