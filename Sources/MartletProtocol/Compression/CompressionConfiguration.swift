/// The settings for permessage-deflate (RFC 7692): how this end compresses, and what it asks of the peer.
///
/// Compression costs CPU and, with context takeover, up to 300 KiB of memory a connection. Do not compress secrets
/// together with text that a stranger chose: the length of the result tells about the secret (CRIME, BREACH). Send such
/// messages with `compress: false`.
public struct CompressionConfiguration: Sendable, Hashable {
    /// The length in bytes from which messages are compressed; shorter ones are sent as they are. Default: 256.
    public var threshold: Int = 256
    /// The compression level, 1 (fast) to 9 (small). Default: 1, which is a third cheaper than zlib's own default of 6
    /// and nearly as small on short messages.
    public var level: Int = 1
    /// The memory level of zlib's compressor, 1 to 9: its tables take 2^(level + 9) bytes. Default: 8.
    public var memoryLevel: Int = 8
    /// Whether a message may refer to earlier ones. It makes short, similar messages much smaller and costs memory on
    /// each connection; without it the event loop's connections share a few contexts. Default: `false`.
    public var allowsContextTakeover: Bool = false
    /// The base-2 logarithm of the largest window that this end compresses with, 8 to 15. Default: 15.
    public var maximumWindowBits: Int = 15
    /// The base-2 logarithm of the largest window that the peer may compress with, 8 to 15. Default: 15, the peer's
    /// choice.
    public var maximumPeerWindowBits: Int = 15

    public init() {}

    /// Whether every number is within its range.
    public var isValid: Bool {
        self.threshold >= 0 && (1...9).contains(self.level) && (1...9).contains(self.memoryLevel)
            && DeflateParameters.windowBits.contains(self.maximumWindowBits)
            && DeflateParameters.windowBits.contains(self.maximumPeerWindowBits)
    }
}
