/// Text (UTF-8) or binary (RFC 6455, section 5.6).
public enum MessageKind: Sendable, Hashable {
    case text
    case binary

    @inlinable
    public var opcode: Opcode { self == .text ? .text : .binary }
}
