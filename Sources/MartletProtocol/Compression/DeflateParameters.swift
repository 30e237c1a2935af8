/// The parameters of permessage-deflate that both ends of a connection agreed on (RFC 7692, section 7.1).
public struct DeflateParameters: Sendable, Hashable {
    public static let extensionName = "permessage-deflate"
    /// The base-2 logarithms of the possible windows: 256 bytes to 32 KiB.
    static let windowBits = 8...15

    /// Whether the server compresses each message on its own.
    public var serverNoContextTakeover = false
    /// Whether the client compresses each message on its own.
    public var clientNoContextTakeover = false
    public var serverMaximumWindowBits = 15
    public var clientMaximumWindowBits = 15

    public init() {}

    /// Returns the base-2 logarithm of the window that `role` compresses with.
    public func windowBits(of role: Role) -> Int {
        role == .server ? self.serverMaximumWindowBits : self.clientMaximumWindowBits
    }

    /// Whether `role` compresses each message on its own.
    public func hasNoContextTakeover(_ role: Role) -> Bool {
        role == .server ? self.serverNoContextTakeover : self.clientNoContextTakeover
    }
}
