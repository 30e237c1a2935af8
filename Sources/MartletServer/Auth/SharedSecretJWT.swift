import FoundationEssentials
import JWTKit

/// Tokens that are JWTs signed with a secret that the back end and this service share (HS256, RFC 7518).
///
/// `sub` is the user's id. `exp` and `nbf` are honoured; a token without `exp` does not expire. Any other algorithm,
/// `none` included, is refused.
public struct SharedSecretJWT: Sendable {
    /// RFC 7518, section 3.2: a key at least as long as the hash.
    public static let minimumSecretLength = 32
    /// Longer tokens are refused unread. Bytes.
    static let maximumTokenLength = 8 * 1024

    private struct Header: Decodable {
        let alg: String
    }

    private struct Claims: JWTPayload {
        let sub: SubjectClaim
        let exp: ExpirationClaim?
        let nbf: NotBeforeClaim?

        func verify(using algorithm: some JWTAlgorithm) throws {
            try self.exp?.verifyNotExpired()
            try self.nbf?.verifyNotBefore()
        }
    }

    private let keys: JWTKeyCollection

    /// - Throws: ``ServerError`` with the code `configuration` for a secret under 32 bytes.
    public init(secret: String) async throws {
        guard secret.utf8.count >= Self.minimumSecretLength else {
            throw ServerError(
                .configuration,
                reason: "the JWT secret must have at least \(Self.minimumSecretLength) bytes (RFC 7518, section 3.2)")
        }
        self.keys = await JWTKeyCollection().add(hmac: HMACKey(from: Data(secret.utf8)), digestAlgorithm: .sha256)
    }

    /// The user of a token; `nil` when it is not valid.
    public func user(of token: String) async -> String? {
        guard token.utf8.count <= Self.maximumTokenLength, Self.isHS256(token),
            let claims = try? await self.keys.verify(token, as: Claims.self), !claims.sub.value.isEmpty
        else { return nil }
        return claims.sub.value
    }

    /// The algorithm is ours to choose, not the token's.
    private static func isHS256(_ token: String) -> Bool {
        guard let first = token.split(separator: ".", omittingEmptySubsequences: false).first else { return false }
        var base64 = String(first).replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: base64), let header = try? JSONDecoder().decode(Header.self, from: data)
        else { return false }
        return header.alg == "HS256"
    }
}
