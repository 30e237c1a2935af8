/// The outcome of a publication.
public struct PublishResult: Sendable, Hashable {
    /// Sessions of this node that took it into their queues.
    public let delivered: Int
    /// `nil` in a channel without history.
    public let position: StreamPosition?
    /// Whether ``delivered`` includes everybody; `false` when the publication did not come back from the broker in time.
    public let isComplete: Bool

    package init(delivered: Int, position: StreamPosition?, isComplete: Bool = true) {
        self.delivered = delivered
        self.position = position
        self.isComplete = isComplete
    }
}
