import ArgumentParser
import Foundation
import Logging
import MartletProxy
import MartletServer
import ServiceLifecycle
import UnixSignals

/// Runs a server until SIGINT or SIGTERM, lets it drain, and turns errors into exit codes.
enum ServiceRunner {
    /// Exit codes (sysexits.h): 78 for a configuration that cannot work, 66 for a file, 69 when the address is not available.
    private static func exitCode(_ error: ServerError) -> ExitCode {
        switch error.code {
        case .usage: ExitCode(64)
        case .configuration: ExitCode(78)
        case .file: ExitCode(66)
        case .bind: ExitCode(69)
        default: .failure
        }
    }

    /// The exit codes above, and 71 for what the system refuses.
    private static func exitCode(_ error: ProxyError) -> ExitCode {
        switch error.code {
        case .configuration: ExitCode(78)
        case .file: ExitCode(66)
        case .bind: ExitCode(69)
        case .system: ExitCode(71)
        default: .failure
        }
    }

    static func makeLogger(_ label: String, level: Logger.Level) -> Logger {
        var settings = LogSettings()
        settings.level = level
        return settings.makeLogger(label)
    }

    /// Everything on standard output is for the user, at once even into a pipe.
    ///
    /// - Returns: whether it could be written; a reader may have gone, a disk may be full.
    @discardableResult
    static func say(_ text: String) -> Bool { Self.write(Data((text + "\n").utf8)) }

    @discardableResult
    static func write(_ data: Data) -> Bool {
        do {
            try FileHandle.standardOutput.write(contentsOf: data)
            return true
        } catch {
            return false
        }
    }

    /// Writes a complaint to standard error.
    static func complain(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    /// - Parameter prefix: of what is said of an error.
    static func orExit<Value>(prefix: String = "martlet: ", _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as ServerError {
            Self.complain("\(prefix)\(error)")
            throw Self.exitCode(error)
        } catch let error as ProxyError {
            Self.complain("\(prefix)\(error)")
            throw Self.exitCode(error)
        }
    }

    /// - Parameter limit: of a graceful shutdown. Longer than a closing handshake; a request that does not end may not hold
    ///   the process for ever.
    static func run(_ service: some Service, atMost limit: Duration = .seconds(10), logger: Logger) async throws {
        try await self.orExit {
            var configuration = ServiceGroupConfiguration(
                services: [.init(service: service)],
                gracefulShutdownSignals: [.sigint, .sigterm],
                logger: logger
            )
            configuration.maximumGracefulShutdownDuration = limit
            let impatience = Task { await Self.endAtSecondSignal(logger) }
            defer { impatience.cancel() }
            try await ServiceGroup(configuration: configuration).run()
        }
    }

    /// Ends the process at a second Ctrl-C, without waiting for clients to leave.
    private static func endAtSecondSignal(_ logger: Logger) async {
        var first: ContinuousClock.Instant?
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
            // Some tools send a signal to a process and to its group: that is one.
            guard let first, first.duration(to: .now) > .milliseconds(100) else {
                first = first ?? .now
                continue
            }
            logger.error("ended before everything was done")
            Foundation.exit(signal == .sigint ? 130 : 143)
        }
    }
}
