import Logging
import UnixSignals

/// Reads files again when they change, and all of them on SIGHUP.
struct FileReloader {
    private static let checkInterval = Duration.seconds(1)

    let files: [ReloadedFile]
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
            for file in self.files { await self.reload(file) }
        }
    }

    private func reloadOnChange() async {
        var stamps = self.files.map { FileStamp($0.path) }
        while !self.files.isEmpty, (try? await Task.sleep(for: Self.checkInterval)) != nil {
            for (index, file) in self.files.enumerated() {
                let next = FileStamp(file.path)
                guard next != stamps[index], next != nil else { continue }
                stamps[index] = next
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
