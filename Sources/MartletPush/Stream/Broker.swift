/// Where publications go: it numbers them, keeps a history, and tells whoever listens on this node.
///
/// ``MemoryBroker`` serves one process.
package protocol Broker: Sendable {
    /// Publishes, and counts in `receipt` who took it on this node.
    func publish(_ data: String, to channel: UserChannel, receipt: PublishReceipt)

    /// Reads what a channel kept.
    ///
    /// - Parameters:
    ///   - position: `nil` for where the channel stands, and no publications.
    ///   - completion: called once, perhaps before this returns, on any thread.
    func history(
        of channel: UserChannel, since position: StreamPosition?, completion: @escaping @Sendable (History) -> Void)
}
