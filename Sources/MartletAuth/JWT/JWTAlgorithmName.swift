import MartletService

/// The signature algorithms that tokens may have (RFC 7518, section 3.1; RFC 8037). A key has one of them, and a token
/// that names another is refused: a token cannot choose its algorithm. `none` is not among them.
public enum JWTAlgorithmName: String, Sendable, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// - Throws: ``ServerError`` with the code `configuration`.
    public init(named name: String) throws {
        guard let algorithm = Self(rawValue: name) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw ServerError(.configuration, reason: "\(name) is no signature algorithm; known are \(known)")
        }
        self = algorithm
    }

    /// The minimum length of a shared secret, in bytes: that of the hash (RFC 7518, section 3.2).
    package var minimumSecretLength: Int {
        switch self {
        case .hs384: 48
        case .hs512: 64
        default: 32
        }
    }
}
