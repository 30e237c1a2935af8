/// The outcome of a publication.
public struct PublishResult: Sendable, Hashable {
    /// Sessions of this node that took the publication into their queues.
    public let delivered: Int
    /// The position; `nil` in a channel without history.
    public let position: StreamPosition?
    /// Whether ``delivered`` includes all sessions; `false` when the publication did not come back from the broker in
    /// time.
    public let isComplete: Bool

    package init(delivered: Int, position: StreamPosition?, isComplete: Bool = true) {
        self.delivered = delivered
        self.position = position
        self.isComplete = isComplete
    }
}
