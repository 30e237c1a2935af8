import CMartletSystem

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A thread of the system that ends with its body.
enum DetachedThread {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// - Parameter name: the first 15 bytes are shown by `top -H`.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name, body))
        let result = pthread_create(&thread, nil, Self.main, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw ProxyError(.system, reason: "a thread cannot be started (error \(result))")
        }
        pthread_detach(thread)
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { pointer in
        guard let pointer else { return nil }
        let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
        martlet_name_thread(start.name)
        start.body()
        return nil
    }
}
