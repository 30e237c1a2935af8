/// The kind of a frame (RFC 6455, section 5.2). Values 3–7 and 11–15 are reserved and fail the connection.
public enum Opcode: UInt8, Sendable, Hashable, CaseIterable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Whether this is a control frame, which carries at most 125 bytes and is never fragmented (RFC 6455, section
    /// 5.5).
    @inlinable
    public var isControl: Bool { self.rawValue & 0x8 != 0 }
}
