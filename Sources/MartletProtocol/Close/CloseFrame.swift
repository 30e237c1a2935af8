/// The body of a close frame: nothing, or a code and a reason (RFC 6455, section 5.5.1).
public struct CloseFrame: Sendable, Hashable {
    /// The longest reason in bytes: a control frame's 125 less the two of the code.
    public static let maximumReasonLength = 123

    /// The close code; `nil` when the frame has no body, in which case the reason is empty.
    public let code: CloseCode?
    public let reason: String

    /// A close frame without a body.
    public static let empty = CloseFrame(unchecked: nil, reason: "")

    private init(unchecked code: CloseCode?, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// Creates a close frame to send. The reason is cut to 123 bytes, at the end of a character.
    ///
    /// - Returns: `nil` when the code may not be sent: see ``CloseCode/isSendable``.
    public init?(code: CloseCode, reason: String = "") {
        guard code.isSendable else { return nil }
        var cut = reason
        while cut.utf8.count > Self.maximumReasonLength { cut.removeLast() }
        self.init(unchecked: code, reason: cut)
    }

    /// Reads the unmasked body of a received close frame.
    public static func decode(_ body: some Collection<UInt8>) -> Result<CloseFrame, ProtocolViolation> {
        let bytes = Array(body)
        guard !bytes.isEmpty else { return .success(.empty) }
        guard bytes.count >= 2 else { return .failure(.closeFrameTooShort) }
        let code = CloseCode(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
        guard code.isSendable else { return .failure(.closeCodeNotAllowed) }
        guard let reason = String(validating: bytes[2...], as: UTF8.self) else { return .failure(.closeReasonNotUTF8) }
        return .success(CloseFrame(unchecked: code, reason: reason))
    }

    /// The unmasked body as it is sent: empty, or 2 to 125 bytes.
    public var body: [UInt8] {
        guard let code else { return [] }
        return [UInt8(code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)] + Array(self.reason.utf8)
    }
}
