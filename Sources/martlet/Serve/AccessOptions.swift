import ArgumentParser
import Logging
import MartletServer
import NIOCore

/// How `martlet serve` tells who a client is: one way of several.
struct AccessOptions: ParsableArguments {
    @Option(help: "A file of tokens: a token and its user on each line.")
    var tokenFile: String?

    @Option(
        help:
            "A file whose first line is the secret that signs JWT tokens (32 bytes or more). The environment variable MARTLET_JWT_SECRET does the same."
    )
    var jwtSecretFile: String?

    @Option(help: "A file with the public key that JWT tokens are signed with, in PEM.")
    var jwtKeyFile: String?

    @Option(help: "A file with a JWK set of such keys.")
    var jwksFile: String?

    @Option(help: "Where a JWK set is served; it is fetched again when a token names a new key.")
    var jwksUrl: String?

    @Option(
        help:
            "The algorithm of the secret or key: HS256 to HS512, RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA. Default: HS256 for a secret, RS256 for an RSA key, what goes with it for any other."
    )
    var jwtAlgorithm: String?

    @Option(help: "What iss of a token must be. Default: anything.")
    var jwtIssuer: String?

    @Option(help: "What aud of a token must hold. Default: anything.")
    var jwtAudience: String?

    @Flag(help: "Refuse tokens without exp.")
    var jwtRequireExpiry = false

    @Option(
        help:
            "Where the back end is asked who a token stands for: POST {\"token\":…,\"event\":…}, answered {\"user\":…}. The environment variable MARTLET_AUTH_SECRET is shown as Authorization: Bearer."
    )
    var authUrl: String?

    @Option(help: "How long that may take.", transform: TimeAmount.parse)
    var authTimeout = TimeAmount.seconds(5)

    @Option(help: "The user that clients without a token are. Default: they are refused.")
    var anonymousUser: String?

    func validate() throws {
        let ways = [
            ("--token-file", self.tokenFile), ("--jwt-secret-file", self.jwtSecretFile),
            ("--jwt-key-file", self.jwtKeyFile), ("--jwks-file", self.jwksFile), ("--jwks-url", self.jwksUrl),
            ("--auth-url", self.authUrl),
        ].filter { $0.1 != nil }.map(\.0)
        guard ways.count <= 1 else {
            throw ValidationError("\(ways.joined(separator: " and ")) exclude each other")
        }
        if let user = self.anonymousUser, user.isEmpty { throw ValidationError("--anonymous-user needs a name") }
        if self.jwtAlgorithm != nil, self.jwksFile != nil || self.jwksUrl != nil {
            throw ValidationError("--jwt-algorithm is for a secret or a key; keys of a set name their own")
        }
    }

    /// - Returns: `nil` when tokens are not checked.
    func authenticator(logger: Logger) async throws -> Authenticator? {
        if let file = self.tokenFile { return try .tokens(file: file) }
        if let url = self.authUrl {
            let secret = try Secret.read(file: nil, environment: "MARTLET_AUTH_SECRET")
            return try .webhook(url: url, secret: secret, timeout: self.authTimeout, logger: logger)
        }
        guard let keys = try self.keys() else { return nil }
        var configuration = JWTConfiguration(keys: keys)
        configuration.algorithm = try self.jwtAlgorithm.map { try JWTAlgorithmName(named: $0) }
        configuration.issuer = self.jwtIssuer
        configuration.audience = self.jwtAudience
        configuration.isExpiryRequired = self.jwtRequireExpiry
        return try await .jwt(configuration, logger: logger)
    }

    private func keys() throws -> JWTConfiguration.Keys? {
        if let file = self.jwtSecretFile { return .secretFile(file) }
        if let file = self.jwtKeyFile { return .publicKeyFile(file) }
        if let file = self.jwksFile { return .setFile(file) }
        if let url = self.jwksUrl { return .setURL(url) }
        return try Secret.read(file: nil, environment: "MARTLET_JWT_SECRET").map { .secret($0) }
    }
}
