import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private let systemWrite = write(_:_:_:)

/// Writes the access log on a thread of its own. An event loop hands a line over and never waits for a disk; while a
/// disk stalls, lines beyond a limit are counted and left out.
public final class AccessLog: Sendable {
    /// Bytes that may wait to be written.
    static let maximumBacklog = 4 * 1024 * 1024

    private struct State {
        var backlog: [UInt8] = []
        var isWriting = false
        var isReopening = false
        var dropped = 0
    }

    private let configuration: AccessLogConfiguration
    private let descriptor: Atomic<CInt>
    private let state = Mutex(State())
    private let onDropped: @Sendable (Int) -> Void

    /// - Parameter onDropped: called with the number of lines that were left out.
    /// - Throws: ``ProxyError`` with the code `file`.
    public init(
        _ configuration: AccessLogConfiguration, onDropped: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        self.configuration = configuration
        self.onDropped = onDropped
        self.descriptor = Atomic(try Self.open(configuration.file))
    }

    private static func open(_ file: String) throws -> CInt {
        guard file != "-" else { return STDOUT_FILENO }
        let descriptor = Glibc.open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw ProxyError(.file, reason: "cannot write the access log \(file): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// Writes an entry. It may be called from any thread.
    func write(_ entry: AccessLogEntry) {
        var line = entry.line(self.configuration.format)
        line.append(0x0A)
        let starts = self.state.withLock { state in
            guard state.backlog.count + line.count <= Self.maximumBacklog else {
                state.dropped += 1
                return false
            }
            state.backlog += line
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { NIOThreadPool.singleton.submit { _ in self.work() } }
    }

    /// Opens the file anew, after a log rotation has moved it away.
    public func reopen() {
        guard self.configuration.file != "-" else { return }
        let starts = self.state.withLock { state in
            state.isReopening = true
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { NIOThreadPool.singleton.submit { _ in self.work() } }
    }

    private func work() {
        while true {
            let (bytes, reopens, dropped) = self.state.withLock { state in
                let taken = (state.backlog, state.isReopening, state.dropped)
                state.backlog = []
                state.isReopening = false
                state.dropped = 0
                if taken.0.isEmpty, !taken.1 { state.isWriting = false }
                return taken
            }
            if dropped > 0 { self.onDropped(dropped) }
            if bytes.isEmpty, !reopens { return }
            self.writeAll(bytes)
            if reopens, let next = try? Self.open(self.configuration.file) {
                let old = self.descriptor.exchange(next, ordering: .relaxed)
                _ = close(old)
            }
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                systemWrite(
                    self.descriptor.load(ordering: .relaxed), $0.baseAddress! + written, bytes.count - written)
            }
            if count > 0 {
                written += count
            } else if errno != EINTR {
                self.onDropped(bytes[written...].count { $0 == 0x0A })
                return
            }
        }
    }

    /// Waits until everything is written, for 2 s at most by default.
    public func flush(atMost milliseconds: Int = 2000) async {
        for _ in 0..<(milliseconds / 5) where self.state.withLock({ $0.isWriting }) {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
