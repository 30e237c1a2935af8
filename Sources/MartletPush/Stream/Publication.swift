/// A message in a channel.
public struct Publication: Sendable, Hashable {
    /// `nil` in a channel without history.
    public let position: StreamPosition?
    public let data: String
    /// When it was published: nanoseconds of the broker's clock.
    let time: Int64
}
