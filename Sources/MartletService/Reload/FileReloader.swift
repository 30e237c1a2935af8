package import Logging
import MartletWebSocket
import UnixSignals

/// Reads files again when they change, and all of them on SIGHUP.
package struct FileReloader {
    private static let checkInterval = Duration.seconds(1)

    /// The files; asked for at each check, since one file may name others.
    private let files: @Sendable () -> [ReloadedFile]
    private let logger: Logger
    /// The function that is called on SIGHUP, before the files are read.
    private let onSignal: @Sendable () -> Void

    package init(
        files: @escaping @Sendable () -> [ReloadedFile], logger: Logger, onSignal: @escaping @Sendable () -> Void = {}
    ) {
        self.files = files
        self.logger = logger
        self.onSignal = onSignal
    }

    private enum Occasion: Sendable {
        case signal
        case tick
    }

    /// Watches the files until it is cancelled. Files are read one after the other, whatever the occasion, so that the
    /// later of two readings is in force.
    package func run() async {
        let (occasions, continuation) = AsyncStream.makeStream(of: Occasion.self)
        await withTaskGroup { group in
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sighup) { continuation.yield(.signal) }
            }
            group.addTask {
                while (try? await Task.sleep(for: Self.checkInterval)) != nil { continuation.yield(.tick) }
                continuation.finish()
            }
            var stamps: [String: FileStamp] = [:]
            var gone: Set<String> = []
            for file in self.files() { stamps[file.path] = file.stamp }
            for await occasion in occasions {
                if occasion == .signal { self.onSignal() }
                await self.look(isForced: occasion == .signal, &stamps, &gone)
            }
        }
    }

    /// - Parameter gone: files that were not there the last time.
    private func look(isForced: Bool, _ stamps: inout [String: FileStamp], _ gone: inout Set<String>) async {
        var seen: Set<String> = []
        // Asked anew each time: what has just been read may name other files, or the same for another purpose.
        while let file = self.files().first(where: { !seen.contains($0.path) }) {
            seen.insert(file.path)
            let next = FileStamp(file.path)
            if next != nil {
                gone.remove(file.path)
            } else if !isForced, gone.insert(file.path).inserted {
                // Perhaps it is about to be replaced.
                self.logger.warning(
                    "a file has gone; its previous contents stay in use", metadata: ["file": "\(file.path)"])
            }
            guard isForced || next != nil && next != stamps[file.path] ?? file.stamp else { continue }
            stamps[file.path] = next
            await self.reload(file)
        }
    }

    private func reload(_ file: ReloadedFile) async {
        do {
            try await file.reload()
            self.logger.notice("read a file again", metadata: ["file": "\(file.path)"])
        } catch {
            self.logger.error(
                "cannot reload a file; its previous contents stay in use",
                metadata: ["file": "\(file.path)", "error": "\(error)"])
        }
    }
}
