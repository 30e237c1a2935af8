/// The identifier of a publisher's receipt. A broker hands it on as it is, so that the node that published recognizes
/// its own publication when it comes back, and counts the sessions that took it.
public struct ReceiptID: Sendable, Hashable {
    /// The random number of the node that published.
    public let node: UInt64
    /// The receipt's number at that node.
    public let number: UInt64

    public init(node: UInt64, number: UInt64) {
        self.node = node
        self.number = number
    }
}
