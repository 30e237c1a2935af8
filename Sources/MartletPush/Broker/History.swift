/// The publications that a channel kept since some position.
public struct History: Sendable, Hashable {
    /// The publications, the oldest first.
    public var publications: [Publication]
    /// The position of the last publication; `nil` when nothing was published in the channel, as far as the broker
    /// remembers.
    public var position: StreamPosition?
    /// Whether nothing is missing between the position that was asked for and the first publication.
    public var isComplete: Bool

    public init(publications: [Publication], position: StreamPosition?, isComplete: Bool) {
        self.publications = publications
        self.position = position
        self.isComplete = isComplete
    }
}
