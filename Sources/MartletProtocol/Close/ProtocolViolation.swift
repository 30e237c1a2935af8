/// A violation of the protocol that fails the connection: the close code to send and a reason that a person can act on.
public struct ProtocolViolation: Error, Sendable, Hashable, CustomStringConvertible {
    /// The close code: 1002, 1007 or 1009.
    public let closeCode: CloseCode
    /// The reason, at most 123 bytes of UTF-8 so that it fits in a close frame.
    public let reason: String

    public init(closeCode: CloseCode, reason: String) {
        self.closeCode = closeCode
        self.reason = reason
    }

    public var description: String { "\(self.closeCode): \(self.reason)" }

    private static func protocolError(_ reason: String) -> Self { Self(closeCode: .protocolError, reason: reason) }

    public static let reservedBits = protocolError("a reserved bit is set without an extension that defines it")
    public static let reservedOpcode = protocolError("reserved opcode")
    public static let fragmentedControlFrame = protocolError("fragmented control frame")
    public static let controlFrameTooLong = protocolError("control frame longer than 125 bytes")
    public static let unmaskedByClient = protocolError("a client must mask its frames")
    public static let maskedByServer = protocolError("a server must not mask its frames")
    public static let lengthNotMinimal = protocolError("payload length not in its shortest form")
    public static let lengthSignBit = protocolError("payload length with its highest bit set")
    public static let continuationWithoutStart = protocolError("continuation frame without a message to continue")
    public static let messageInsideMessage = protocolError("new message before the last fragment of another")
    public static let closeFrameTooShort = protocolError("close frame with a body of one byte")
    public static let closeCodeNotAllowed = protocolError("close code that may not be sent")
    public static let closeReasonNotUTF8 = Self(
        closeCode: .invalidFramePayloadData, reason: "close reason is not UTF-8")
    public static let textNotUTF8 = Self(closeCode: .invalidFramePayloadData, reason: "text is not UTF-8")

    public static let compressedDataCorrupt = Self(
        closeCode: .invalidFramePayloadData, reason: "compressed message that cannot be inflated")

    /// - Parameter limit: the longest message allowed, in bytes.
    public static func messageTooBig(limit: Int) -> Self {
        Self(closeCode: .messageTooBig, reason: "message longer than \(limit) bytes")
    }

    public static func tooManyFragments(limit: Int) -> Self {
        Self(closeCode: .messageTooBig, reason: "message of more than \(limit) fragments")
    }
}
