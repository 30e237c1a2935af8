import CMartletSystem
import FoundationEssentials

/// The program that started this one, when it speaks systemd's protocols: it hands listening sockets over
/// (sd_listen_fds(3)) and is told the state of the service (sd_notify(3)). Without one, nothing happens.
package struct ServiceManager: Sendable {
    /// The first descriptor that is handed over.
    private static let firstDescriptor: CInt = 3

    private let socket: String?
    private let watchdogInterval: Duration?

    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.socket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isForUs =
            environment["WATCHDOG_PID"].map { $0 == String(ProcessInfo.processInfo.processIdentifier) } ?? true
        // Twice in the time that the manager allows, as its manual asks.
        self.watchdogInterval =
            isForUs ? environment["WATCHDOG_USEC"].flatMap { Int($0) }.map { .microseconds($0 / 2) } : nil
    }

    /// Sockets that were handed over, and are meant for this process.
    package static func sockets(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        process: Int32 = ProcessInfo.processInfo.processIdentifier
    ) -> [CInt] {
        guard environment["LISTEN_PID"] == String(process), let count = environment["LISTEN_FDS"].flatMap({ CInt($0) }),
            (1...1024).contains(count)
        else { return [] }
        return (Self.firstDescriptor..<Self.firstDescriptor + count).map { $0 }
    }

    /// - Parameter state: `READY=1`, `STOPPING=1`, …
    package func tell(_ state: String) {
        guard let socket else { return }
        martlet_notify(socket, state)
    }

    /// Tells the manager regularly that the process is alive, until cancelled.
    package func keepAlive() async {
        guard let interval = self.watchdogInterval, interval > .zero else { return }
        while !Task.isCancelled {
            self.tell("WATCHDOG=1")
            try? await Task.sleep(for: interval)
        }
    }
}
