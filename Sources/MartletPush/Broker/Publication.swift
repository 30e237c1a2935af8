/// A message in a channel.
public struct Publication: Sendable, Hashable {
    /// The position; `nil` in a channel without history.
    public let position: StreamPosition?
    public let data: String
    /// The time of publishing, in nanoseconds of the broker's clock; publications of several channels are ordered by
    /// it.
    public let time: Int64
    /// The receipt that its publisher waits for; `nil` in a history.
    public let receipt: ReceiptID?

    public init(position: StreamPosition?, data: String, time: Int64, receipt: ReceiptID? = nil) {
        self.position = position
        self.data = data
        self.time = time
        self.receipt = receipt
    }
}
