@testable import MartletProxy

/// A leg that records what is done with it.
final class RecordingLeg: TunnelLeg {
    var sent: [UInt8] = []
    var isBackedUp = false
    var hasUnsentBytes: Bool { self.isBackedUp }
    var isReading = true
    var hasEndedOutput = false
    var isAborted = false
    var isClosed = false

    func send(_ bytes: UnsafeRawBufferPointer) { self.sent += bytes }
    func setReading(_ isReading: Bool) { self.isReading = isReading }
    func endOutput() { self.hasEndedOutput = true }
    func abort() { self.isAborted = true }
    func close() { self.isClosed = true }

    /// Returns what has been sent since the last call.
    func taken() -> [UInt8] {
        defer { self.sent = [] }
        return self.sent
    }
}
