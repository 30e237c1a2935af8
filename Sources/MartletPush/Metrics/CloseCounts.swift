import MartletProtocol
import Synchronization

/// WebSockets that were closed since the start, by close code. Safe to use from any thread; it is used once in the life of a
/// session.
package final class CloseCounts: Sendable {
    /// Clients choose codes freely, so that ``CloseCode/counted`` bounds the number of keys.
    private let counts = Mutex<[UInt16: Int]>([:])

    init() {}

    func count(_ code: CloseCode) { self.counts.withLock { $0[code.counted.rawValue, default: 0] += 1 } }

    /// The number of closes by code; 3000 and 4000 stand for all codes of their thousand.
    package var byCode: [UInt16: Int] { self.counts.withLock { $0 } }
}
