import Logging
import MartletAuth
import MartletService

extension ProxyConfiguration {
    /// The settings of a route that say how tokens are checked.
    public struct JWTSettings: Sendable, Hashable {
        /// A file whose first line is the secret. Exactly one of this and the next three is there.
        public var secretFile: String?
        /// A file with a public key in PEM.
        public var keyFile: String?
        /// A file with a JWK set.
        public var jwksFile: String?
        /// The URL of a JWK set.
        public var jwksURL: String?
        /// The name of the algorithm as tokens have it: `RS256`.
        public var algorithm: String?
        /// The `iss` that a token must have. Default: any.
        public var issuer: String?
        /// The `aud` that a token must have. Default: any.
        public var audience: String?
        /// Whether a token without `exp` is refused. Default: `false`.
        public var isExpiryRequired = false
        /// The header in which the upstream server sees the user. Default: `X-User`.
        public var userHeader: String?

        /// - Parameter fetches: whether a JWK set is fetched; otherwise its URL is looked at.
        /// - Returns: `nil` for one that is not fetched.
        /// - Throws: ``ServerError``.
        func verifier(fetches: Bool, logger: Logger) async throws -> JWTVerifier? {
            if !fetches, let url = self.jwksURL {
                guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
                    throw ServerError(.configuration, reason: "\(url) is no http or https URL")
                }
                return nil
            }
            return try await JWTVerifier(try self.configuration(), logger: logger)
        }

        private func configuration() throws -> JWTConfiguration {
            let keys: JWTConfiguration.Keys
            if let file = self.secretFile {
                keys = .secretFile(file)
            } else if let file = self.keyFile {
                keys = .publicKeyFile(file)
            } else if let file = self.jwksFile {
                keys = .setFile(file)
            } else {
                keys = .setURL(self.jwksURL ?? "")
            }
            var configuration = JWTConfiguration(keys: keys)
            configuration.algorithm = try self.algorithm.map { try JWTAlgorithmName(named: $0) }
            configuration.issuer = self.issuer
            configuration.audience = self.audience
            configuration.isExpiryRequired = self.isExpiryRequired
            return configuration
        }
    }
}
