/// What became of a publication.
public struct PublishResult: Sendable, Hashable {
    /// Sessions that took it into their queues.
    public let delivered: Int
    /// `nil` in a channel without history.
    public let position: StreamPosition?
}
