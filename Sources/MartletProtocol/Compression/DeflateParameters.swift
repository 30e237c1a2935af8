/// What both ends of a connection agreed on for permessage-deflate (RFC 7692, section 7.1).
public struct DeflateParameters: Sendable, Hashable {
    public static let extensionName = "permessage-deflate"
    /// Base-2 logarithms of the windows that there are: 256 bytes to 32 KiB.
    static let windowBits = 8...15

    /// Each message of the server is compressed on its own.
    public var serverNoContextTakeover = false
    /// Each message of the client is compressed on its own.
    public var clientNoContextTakeover = false
    public var serverMaximumWindowBits = 15
    public var clientMaximumWindowBits = 15

    public init() {}

    /// The window that `role` compresses with, as a base-2 logarithm.
    public func windowBits(of role: Role) -> Int {
        role == .server ? self.serverMaximumWindowBits : self.clientMaximumWindowBits
    }

    /// Whether `role` compresses each message on its own.
    public func hasNoContextTakeover(_ role: Role) -> Bool {
        role == .server ? self.serverNoContextTakeover : self.clientNoContextTakeover
    }
}
