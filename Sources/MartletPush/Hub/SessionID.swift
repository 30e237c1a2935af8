import Synchronization

/// The number of a session, for finding it in logs and in the list of sessions. Unique within a process.
package struct SessionID: Sendable, Hashable, CustomStringConvertible {
    private static let count = Atomic<UInt64>(0)

    package let number: UInt64

    package init() { self.number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue }

    package init?(_ text: String) {
        guard let number = UInt64(text) else { return nil }
        self.number = number
    }

    package var description: String { String(self.number) }
}
