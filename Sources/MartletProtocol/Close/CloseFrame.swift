/// The body of a close frame: nothing, or a code and a reason (RFC 6455, section 5.5.1).
public struct CloseFrame: Sendable, Hashable {
    /// A control frame's 125 bytes less the two of the code.
    public static let maximumReasonLength = 123

    /// `nil` when the frame has no body; then the reason is empty as well.
    public let code: CloseCode?
    public let reason: String

    /// A close frame without a body.
    public static let empty = CloseFrame(unchecked: nil, reason: "")

    private init(unchecked code: CloseCode?, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// A close frame to be sent. The reason is cut to 123 bytes, at a character's border.
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

    /// The body as it stands on the wire, unmasked: 0 or 2 to 125 bytes.
    public var body: [UInt8] {
        guard let code else { return [] }
        return [UInt8(code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)] + Array(self.reason.utf8)
    }
}
