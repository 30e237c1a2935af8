public import MartletProtocol

/// The end of a connection: the close code, the reason, and which end began.
public struct WebSocketCloseInformation: Sendable, CustomStringConvertible {
    /// The end of the connection that began to close it.
    public enum Initiator: Sendable, Hashable {
        case local
        case remote
    }

    /// The code of the close frame that began the closing handshake; 1005 if it had none, 1006 if there was no close
    /// frame (RFC 6455, section 7.1.5).
    public let code: CloseCode
    /// The reason in that frame, or for 1006 what happened; `the peer answered no ping`, for example.
    public let reason: String
    public let initiator: Initiator
    /// Whether both ends sent a close frame.
    public let isClean: Bool

    public init(code: CloseCode, reason: String, initiator: Initiator, isClean: Bool) {
        self.code = code
        self.reason = reason
        self.initiator = initiator
        self.isClean = isClean
    }

    public var description: String {
        "\(self.code)\(self.reason.isEmpty ? "" : " " + self.reason)"
            + " (\(self.initiator)\(self.isClean ? "" : ", not clean"))"
    }
}
