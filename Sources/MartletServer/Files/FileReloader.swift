import Logging
import UnixSignals

/// Reads files again when they change, and all of them on SIGHUP.
struct FileReloader {
    private static let checkInterval = Duration.seconds(1)

    /// Asked again and again, for one file may name others.
    let files: @Sendable () -> [ReloadedFile]
    let logger: Logger
    /// What is done on SIGHUP besides.
    var onSignal: @Sendable () -> Void = {}

    /// Until it is cancelled.
    func run() async {
        await withTaskGroup { group in
            group.addTask { await self.reloadOnSignal() }
            group.addTask { await self.reloadOnChange() }
        }
    }

    private func reloadOnSignal() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) {
            self.onSignal()
            for file in self.files() { await self.reload(file) }
        }
    }

    private func reloadOnChange() async {
        var stamps: [String: FileStamp] = [:]
        for file in self.files() { stamps[file.path] = file.stamp }
        while (try? await Task.sleep(for: Self.checkInterval)) != nil {
            for file in self.files() {
                let next = FileStamp(file.path)
                guard next != stamps[file.path] ?? file.stamp, next != nil else { continue }
                stamps[file.path] = next
                await self.reload(file)
            }
        }
    }

    private func reload(_ file: ReloadedFile) async {
        do {
            try await file.reload()
            self.logger.notice("read a file again", metadata: ["file": "\(file.path)"])
        } catch {
            self.logger.error(
                "kept what a file said before", metadata: ["file": "\(file.path)", "error": "\(error)"])
        }
    }
}
