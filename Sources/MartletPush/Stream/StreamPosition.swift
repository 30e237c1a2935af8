/// Where a publication stands in its channel: number `offset` (1, 2, 3 …) of an epoch.
///
/// Offsets begin anew when a stream does, after a restart for instance; the epoch, which is drawn at random, tells.
public struct StreamPosition: Sendable, Hashable, CustomStringConvertible {
    public let epoch: UInt64
    /// Of the last publication; 0 before the first.
    public let offset: UInt64

    public init(epoch: UInt64, offset: UInt64) {
        self.epoch = epoch
        self.offset = offset
    }

    /// The epoch in base 36, a dot and the offset: `1y2p0ij32e8e7.17`.
    public var description: String { "\(String(self.epoch, radix: 36)).\(self.offset)" }

    init?(_ text: Substring) {
        guard text.utf8.count <= 40, let dot = text.firstIndex(of: "."),
            let epoch = UInt64(text[..<dot], radix: 36), let offset = UInt64(text[text.index(after: dot)...])
        else { return nil }
        self.init(epoch: epoch, offset: offset)
    }
}
