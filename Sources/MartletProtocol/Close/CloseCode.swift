/// The number that says why a connection ended (RFC 6455, section 7.4, and the IANA registry).
public struct CloseCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: UInt16

    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    @inlinable
    public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// 1000: the purpose is fulfilled.
    public static let normalClosure = Self(1000)
    /// 1001: the server shuts down, or the page was left.
    public static let goingAway = Self(1001)
    public static let protocolError = Self(1002)
    /// 1003: this end does not accept that kind of data.
    public static let unsupportedData = Self(1003)
    /// 1005: the close frame had no code. Never on the wire.
    public static let noStatusReceived = Self(1005)
    /// 1006: the connection ended without a close frame. Never on the wire.
    public static let abnormalClosure = Self(1006)
    /// 1007: the payload is invalid, such as text that is not UTF-8.
    public static let invalidFramePayloadData = Self(1007)
    /// 1008: the client broke a rule of the application; a refused token, for example.
    public static let policyViolation = Self(1008)
    public static let messageTooBig = Self(1009)
    /// 1010: sent by a client that needs an extension which the server did not accept.
    public static let mandatoryExtension = Self(1010)
    public static let internalError = Self(1011)
    public static let serviceRestart = Self(1012)
    /// 1013: the server is overloaded; the client may try again later. Sent to slow consumers.
    public static let tryAgainLater = Self(1013)
    public static let badGateway = Self(1014)
    /// 1015: the TLS handshake failed. Never on the wire.
    public static let tlsHandshake = Self(1015)

    /// Whether this code may be sent in a close frame: 1000–1003, 1007–1014 and 3000–4999.
    @inlinable
    public var isSendable: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// The code as a metric label: codes outside 1000–1015 are rounded down to a multiple of 1000, because clients
    /// choose them freely.
    package var counted: CloseCode {
        (1000...1015).contains(self.rawValue) ? self : CloseCode(self.rawValue / 1000 * 1000)
    }

    public var description: String { String(self.rawValue) }
}
