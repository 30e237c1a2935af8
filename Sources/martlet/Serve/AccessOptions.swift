import ArgumentParser

/// How `martlet serve` tells who a client is, one way of several, and who may push.
struct AccessOptions: ParsableArguments {
    @Option(
        help:
            "A file of API keys for pushes: a key and its name on each line. The environment variable MARTLET_API_KEY holds one alone."
    )
    var apiKeyFile: String?

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

    @Option(help: "How long that may take. Default: 5s.")
    var authTimeout: String?

    @Option(help: "The user that clients without a token are. Default: they are refused.")
    var anonymousUser: String?

    var flags: [String: [String]] {
        .settings(
            [
                "apiKeyFile": self.apiKeyFile, "tokenFile": self.tokenFile, "jwt.secretFile": self.jwtSecretFile,
                "jwt.keyFile": self.jwtKeyFile, "jwks.file": self.jwksFile, "jwks.url": self.jwksUrl,
                "jwt.algorithm": self.jwtAlgorithm, "jwt.issuer": self.jwtIssuer, "jwt.audience": self.jwtAudience,
                "auth.url": self.authUrl, "auth.timeout": self.authTimeout, "anonymousUser": self.anonymousUser,
            ],
            flags: ["jwt.requireExpiry": self.jwtRequireExpiry])
    }
}
