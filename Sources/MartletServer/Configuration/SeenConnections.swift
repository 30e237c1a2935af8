import NIOCore
import Synchronization

/// Remembers connections that a right key came on until they end, without a lock. There is room for some only: any
/// other is new each time.
final class SeenConnections: Sendable {
    private static let count = 1024
    /// The slots that a connection may have.
    private static let choice = 4

    private let slots: [Slot] = (0..<SeenConnections.count).map { _ in Slot() }

    private final class Slot: Sendable {
        let connection = Atomic<UInt>(0)
    }

    /// Notes a connection. To be called on its event loop.
    ///
    /// - Returns: whether it was not among those that are remembered.
    func isNew(_ channel: any Channel) -> Bool {
        let address = UInt(bitPattern: ObjectIdentifier(channel))
        let first = Int((address >> 5) % UInt(Self.count))
        var free: Slot?
        for index in first..<first + Self.choice {
            let slot = self.slots[index % Self.count]
            switch slot.connection.load(ordering: .relaxed) {
            case address: return false
            case 0: free = free ?? slot
            default: break
            }
        }
        guard let slot = free,
            slot.connection.compareExchange(expected: 0, desired: address, ordering: .relaxed).exchanged
        else { return true }
        // A later connection may have the same address in memory.
        channel.closeFuture.whenComplete { _ in slot.connection.store(0, ordering: .relaxed) }
        return true
    }
}
