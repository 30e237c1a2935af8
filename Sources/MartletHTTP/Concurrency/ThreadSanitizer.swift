#if THREAD_SANITIZER
@_exported public import MartletProtocol  // so that each file that has a mutex knows its methods

/// The mutex that ThreadSanitizer understands; see `PosixMutex`.
typealias Mutex = PosixMutex
#endif
