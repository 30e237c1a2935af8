import NIOCore
import Synchronization

/// The receipts that publishers of this node wait for, by the number that travels with the publication.
final class PublishReceipts: Sendable {
    private struct Slot {
        var receipt: PublishReceipt?
        var begin = NIODeadline.now()
        /// The number of receipts that had the slot before, so that a publication that comes late is not taken for
        /// another.
        var generation: UInt32 = 0
    }

    private struct State {
        var slots: [Slot] = []
        var free: [Int] = []
    }

    private let node = UInt64.random(in: 0...(.max))
    private let state = Mutex(State())

    init() {}

    /// The number of receipts that are waited for.
    var count: Int { self.state.withLock { $0.slots.count - $0.free.count } }

    /// Begins a receipt.
    ///
    /// - Parameter onDone: called once, on any thread.
    func begin(
        at now: NIODeadline, _ onDone: @escaping @Sendable (Result<PublishResult, BrokerError>) -> Void
    ) -> (id: ReceiptID, receipt: PublishReceipt) {
        self.state.withLock { state in
            if state.free.isEmpty {
                state.free.append(state.slots.count)
                state.slots.append(Slot())
            }
            let slot = state.free.removeLast()
            let number = UInt64(state.slots[slot].generation) << 32 | UInt64(slot)
            let receipt = PublishReceipt(number, among: self, onDone)
            state.slots[slot].receipt = receipt
            state.slots[slot].begin = now
            return (ReceiptID(node: self.node, number: number), receipt)
        }
    }

    /// - Returns: `nil` for a receipt of another node, and for one that is not waited for any more.
    subscript(_ id: ReceiptID) -> PublishReceipt? {
        guard id.node == self.node else { return nil }
        return self.state.withLock { state in Self.slot(of: id.number, state).flatMap { state.slots[$0].receipt } }
    }

    /// Ends the receipts that began before some time.
    func expire(before time: NIODeadline) {
        let late = self.state.withLock { state in
            state.slots.compactMap { $0.begin < time ? $0.receipt : nil }
        }
        for receipt in late { receipt.expired() }
    }

    /// Notes an interruption of the broker: publications that may be lost on their way back are not waited for.
    func interrupted() {
        for receipt in self.state.withLock({ $0.slots.compactMap(\.receipt) }) { receipt.interrupted() }
    }

    /// Gives the slot of a receipt back.
    func end(_ number: UInt64) {
        self.state.withLock { state in
            guard let slot = Self.slot(of: number, state) else { return }
            state.slots[slot].receipt = nil
            state.slots[slot].generation &+= 1
            state.free.append(slot)
        }
    }

    private static func slot(of number: UInt64, _ state: State) -> Int? {
        let slot = Int(number & 0xFFFF_FFFF)
        guard slot < state.slots.count, UInt64(state.slots[slot].generation) == number >> 32 else { return nil }
        return slot
    }
}
