public import MartletProtocol

/// How a connection ended.
public struct WebSocketCloseInformation: Sendable, CustomStringConvertible {
    /// Who began.
    public enum Initiator: Sendable, Hashable {
        case local
        case remote
    }

    /// The code of the close frame that began the closing; 1005 when it had none, 1006 when there was no close frame
    /// (RFC 6455, section 7.1.5).
    public let code: CloseCode
    /// The reason of that frame, or for 1006 what happened: `the peer answered no ping`, for one.
    public let reason: String
    public let initiator: Initiator
    /// Whether both close frames passed.
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
