/// What became of a publication.
public struct PublishResult: Sendable, Hashable {
    /// Sessions that took it into their queues.
    public let delivered: Int
    /// `nil` in a channel without history.
    public let position: StreamPosition?

    package init(delivered: Int, position: StreamPosition?) {
        self.delivered = delivered
        self.position = position
    }
}
