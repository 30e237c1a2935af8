package import Logging
import MartletService
public import NIOCore

/// The settings that say which tokens are valid.
public struct JWTConfiguration: Sendable {
    /// The source of the keys.
    public enum Keys: Sendable {
        /// A secret that the back end and this service share; at least as long as the hash (RFC 7518, section 3.2): 32
        /// bytes for HS256, 48 for HS384, 64 for HS512.
        case secret(String)
        /// A file whose first line is such a secret.
        case secretFile(String)
        /// A file with a public key in PEM: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519.
        case publicKeyFile(String)
        /// A file with a JWK set (RFC 7517, section 5).
        case setFile(String)
        /// The URL of a JWK set, over HTTPS or HTTP. The set is fetched when it is needed first, and again when it is
        /// older than ``JWTConfiguration/refreshInterval`` or a token names a key that is not in it: so keys can be
        /// exchanged at any time. If the fetch fails, the previous keys stay in use.
        case setURL(String)

        /// The file, which is read again when it changes; `nil` where there is none.
        var file: String? {
            switch self {
            case .secret, .setURL: nil
            case .secretFile(let file), .publicKeyFile(let file), .setFile(let file): file
            }
        }
    }

    public var keys: Keys
    /// The algorithm of the key. Default: `nil`, HS256 for a secret, RS256 for an RSA key, and the only one that there
    /// is for all others. Keys of a set name their algorithm (`alg`), and have the same default otherwise.
    public var algorithm: JWTAlgorithmName?
    /// The value that `iss` must have. Default: `nil`, anything.
    public var issuer: String?
    /// The value that `aud` must contain. Default: `nil`, anything.
    public var audience: String?
    /// The difference that the clocks of signer and verifier may have. Default: 10 s.
    public var leeway = TimeAmount.seconds(10)
    /// Whether a token without `exp` is refused. Default: `false`, it does not expire.
    public var isExpiryRequired = false
    /// The age at which a fetched JWK set is fetched again. Default: 10 minutes.
    public var refreshInterval = TimeAmount.minutes(10)

    public init(keys: Keys) { self.keys = keys }

    /// - Throws: ``ServerError``.
    package func keySource(logger: Logger) async throws -> any JWTKeySource {
        switch self.keys {
        case .secret(let secret): return JWTKeySet([try await .secret(.init(secret.utf8), self.algorithm ?? .hs256)])
        case .secretFile(let file):
            let secret = try Secret.line(of: file)
            return JWTKeySet([try await .secret(.init(secret.utf8), self.algorithm ?? .hs256)])
        case .publicKeyFile(let file):
            return JWTKeySet([try await .pem(try Secret.text(of: file), self.algorithm, name: file)])
        case .setFile(let file):
            do {
                let set = try await JWTKeySet(json: .init(try Secret.text(of: file).utf8), mayHoldSecrets: true)
                for problem in set.problems {
                    logger.warning("a key is not used", metadata: ["file": "\(file)", "reason": "\(problem)"])
                }
                return set
            } catch let problem as JWKProblem {
                throw ServerError(.configuration, reason: "\(file): \(problem)")
            }
        case .setURL(let url):
            guard LoggedURL.isHTTP(url) else {
                throw ServerError(.configuration, reason: "\(LoggedURL.text(url)) is no http or https URL")
            }
            return RemoteJWTKeys(url: url, refreshInterval: self.refreshInterval, logger: logger) {
                try await BackEndClient.get(url, limit: 256 * 1024)
            }
        }
    }
}
