#if THREAD_SANITIZER
import MartletProtocol

/// See `PosixMutex`.
typealias Mutex = PosixMutex
#endif
