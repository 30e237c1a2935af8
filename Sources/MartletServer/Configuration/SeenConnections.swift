import NIOCore
import Synchronization

/// Remembers connections that a right key came on, without a lock, and not for certain: one may be forgotten, and is
/// new again then.
final class SeenConnections: Sendable {
    private static let count = 1024

    private let slots: [Slot] = (0..<SeenConnections.count).map { _ in Slot() }

    private final class Slot: Sendable {
        let connection = Atomic<UInt>(0)
    }

    /// Notes a connection.
    ///
    /// - Returns: whether it was not among those that are remembered.
    func isNew(_ channel: any Channel) -> Bool {
        let address = UInt(bitPattern: ObjectIdentifier(channel))
        let slot = self.slots[Int((address >> 5) % UInt(Self.count))]
        guard slot.connection.load(ordering: .relaxed) != address else { return false }
        slot.connection.store(address, ordering: .relaxed)
        return true
    }
}
