package import MartletConfiguration
import MartletService

/// The settings that say which JWT tokens are valid, the same in every command: `jwt.…` and `jwks.…`.
package struct JWTSettings: Sendable, Hashable {
    package var secretFile: String?
    package var keyFile: String?
    package var keySetFile: String?
    package var keySetURL: String?
    package var algorithm: JWTAlgorithmName?
    package var issuer: String?
    package var audience: String?
    package var isExpiryRequired = false

    package init() {}

    package static let settings: [Setting<JWTSettings>] = [
        .live(
            "jwt.secretFile", \.secretFile, .file,
            "A file whose first line is the secret, of 32 bytes or more, that signs JWT tokens."),
        .live("jwt.keyFile", \.keyFile, .file, "A file with the public key that JWT tokens are signed with, PEM."),
        .live("jwks.file", \.keySetFile, .file, "A file with a JWK set of such public keys."),
        .live(
            "jwks.url", \.keySetURL, .httpURL(example: "https://example.com/jwks.json"),
            "The URL of a JWK set; it is fetched again when a token names a new key."),
        .live(
            "jwt.algorithm", \.algorithm, .jwtAlgorithm, default: "`HS256` of a secret, what suits a key",
            "The algorithm of the secret or key: HS256 to HS512, RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA."
        ),
        .live("jwt.issuer", \.issuer, .text, default: "any", "The `iss` that a token must have."),
        .live("jwt.audience", \.audience, .text, default: "any", "The `aud` that a token must have."),
        .live("jwt.requireExpiry", \.isExpiryRequired, .bool, "Whether tokens without `exp` are refused."),
    ]

    /// The settings that name keys, of which one is needed.
    package static let keys = ["jwt.secretFile", "jwt.keyFile", "jwks.file", "jwks.url"]

    /// The settings that mean something only beside a key.
    package static let claims = ["jwt.algorithm", "jwt.issuer", "jwt.audience", "jwt.requireExpiry"]

    /// Whether the keys are in a set, whose keys name their own algorithms.
    package var isForKeySet: Bool { self.keySetFile != nil || self.keySetURL != nil }

    /// Whether any claim is said.
    package var hasClaims: Bool {
        self.issuer != nil || self.audience != nil || self.isExpiryRequired || self.algorithm != nil
    }

    /// - Parameter secret: the secret that is taken when no setting names keys.
    /// - Returns: `nil` when there is no key.
    package func configuration(secret: String? = nil) -> JWTConfiguration? {
        let keys: JWTConfiguration.Keys
        if let file = self.secretFile {
            keys = .secretFile(file)
        } else if let file = self.keyFile {
            keys = .publicKeyFile(file)
        } else if let file = self.keySetFile {
            keys = .setFile(file)
        } else if let url = self.keySetURL {
            keys = .setURL(url)
        } else if let secret {
            keys = .secret(secret)
        } else {
            return nil
        }
        var configuration = JWTConfiguration(keys: keys)
        configuration.algorithm = self.algorithm
        configuration.issuer = self.issuer
        configuration.audience = self.audience
        configuration.isExpiryRequired = self.isExpiryRequired
        return configuration
    }
}

extension SettingType<JWTAlgorithmName> {
    /// The name of an algorithm as tokens have it: `ES256`.
    fileprivate static var jwtAlgorithm: Self {
        Self(SettingForm("algorithm", example: "HS384")) { node in
            do {
                return try JWTAlgorithmName(named: try node.string())
            } catch let error as ServerError {
                throw node.error(error.reason)
            }
        }
    }
}
