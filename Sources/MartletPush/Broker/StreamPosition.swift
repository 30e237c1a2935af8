/// The position of a publication in its channel: number `offset` (1, 2, 3 …) of an epoch.
///
/// Offsets begin again when a channel does, after a restart for instance; it has another epoch then.
public struct StreamPosition: Sendable, Hashable, CustomStringConvertible {
    /// Bytes of an epoch.
    static let epochLength = 40

    /// Opaque text of letters, digits, `-` and `_`, made by the broker; it does not begin with `-`.
    public let epoch: String
    /// The offset of the last publication; 0 if there is none.
    public let offset: UInt64

    public init(epoch: String, offset: UInt64) {
        self.epoch = epoch
        self.offset = offset
    }

    /// A position that matches no channel.
    package static let nowhere = StreamPosition(epoch: "_", offset: 0)

    /// The position before the first publication of the process that comes next. A service whose history ends with its
    /// process gives it to clients that are up to date, when it stops. As text it is `-`, the time in base 36, and `.0`.
    ///
    /// - Parameter end: the time at which the process is going to have ended, in seconds since 1970.
    public static func beginning(after end: Int) -> StreamPosition {
        StreamPosition(epoch: "-\(String(max(end, 0), radix: 36))", offset: 0)
    }

    /// The end of the process that gave the position, 0 or later; `nil` for one of an epoch. Any client can write one:
    /// it may be as late as `Int.max`.
    public var endOfProcess: Int? {
        guard self.offset == 0, self.epoch.utf8.first == UInt8(ascii: "-"),
            let end = Int(self.epoch.dropFirst(), radix: 36), end >= 0, Self.beginning(after: end) == self
        else { return nil }
        return end
    }

    /// The epoch, a dot and the offset: `1y2p0ij32e8e7.17`.
    public var description: String { "\(self.epoch).\(self.offset)" }

    init?(_ text: Substring) {
        guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")), dot != text.startIndex,
            text[..<dot].utf8.count <= Self.epochLength, text[..<dot].utf8.allSatisfy(PlainByte.isPlain),
            text.utf8.distance(from: dot, to: text.endIndex) <= 21,
            text[text.utf8.index(after: dot)...].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let offset = UInt64(text[text.utf8.index(after: dot)...])
        else { return nil }
        self.init(epoch: String(text[..<dot]), offset: offset)
    }
}
