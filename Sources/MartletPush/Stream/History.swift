/// What a channel kept since some position.
public struct History: Sendable, Hashable {
    /// The oldest first.
    public var publications: [Publication]
    /// Where the channel stands; `nil` when nothing was ever published in it, as far as anybody remembers.
    public var position: StreamPosition?
    /// Whether nothing is missing between the position that was asked for and the first publication.
    public var isComplete: Bool
}
