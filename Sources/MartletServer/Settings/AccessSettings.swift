import Logging
import MartletConfiguration
import MartletWebSocket
import NIOCore

/// The settings that say how `martlet serve` checks tokens: one way of several.
struct AccessSettings: Sendable {
    var tokenFile: String?
    var anonymousUser: String?
    var secretFile: String?
    var keyFile: String?
    var keySetFile: String?
    var keySetURL: String?
    var algorithm: JWTAlgorithmName?
    var issuer: String?
    var audience: String?
    var isExpiryRequired = false
    var webhookURL: String?
    var webhookTimeout = TimeAmount.seconds(5)
    private var hasEnvironmentSecret = false

    static let secretVariable = "MARTLET_JWT_SECRET"
    static let claims = ["jwt.algorithm", "jwt.issuer", "jwt.audience", "jwt.requireExpiry"]

    static let settings: [Setting<AccessSettings>] = [
        .live("tokenFile", \.tokenFile, .file, "A file of tokens: a token and its user on each line."),
        .live(
            "jwt.secretFile", \.secretFile, .file,
            "A file whose first line is the secret, of 32 bytes or more, that signs JWT tokens. `MARTLET_JWT_SECRET` holds the secret itself."
        ),
        .live(
            "jwt.keyFile", \.keyFile, .file, "A file with the public key that JWT tokens are signed with, PEM."),
        .live("jwks.file", \.keySetFile, .file, "A file with a JWK set of such keys."),
        .live(
            "jwks.url", \.keySetURL, .text("URL", example: "https://example.com/jwks.json"),
            "The URL of a JWK set; it is fetched again when a token names a new key."),
        .live(
            "jwt.algorithm", \.algorithm, .jwtAlgorithm, default: "`HS256` of a secret, what suits a key",
            "The algorithm of the secret or key: HS256 to HS512, RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA."
        ),
        .live("jwt.issuer", \.issuer, .text, default: "any", "The `iss` that a token must have."),
        .live("jwt.audience", \.audience, .text, default: "any", "The `aud` that a token must have."),
        .live("jwt.requireExpiry", \.isExpiryRequired, .bool, "Whether tokens without `exp` are refused."),
        .live(
            "auth.url", \.webhookURL, .text("URL", example: "http://127.0.0.1:9000/auth"),
            "The URL where the back end is asked for a token's user: POST `{\"token\":…,\"event\":…}`, answered `{\"user\":…}`. `MARTLET_AUTH_SECRET` is shown as `Authorization: Bearer`."
        ),
        .live("auth.timeout", \.webhookTimeout, .timeout, "The longest time that an answer may take."),
        .live(
            "anonymousUser", \.anonymousUser, .text("user", example: "guest"), default: "none, they are refused",
            "The user that clients without a token are."),
    ]

    /// The ways to check tokens, each with its setting.
    private static let ways: [(path: String, value: WritableKeyPath<AccessSettings, String?> & Sendable)] = [
        ("tokenFile", \.tokenFile), ("auth.url", \.webhookURL), ("jwt.secretFile", \.secretFile),
        ("jwt.keyFile", \.keyFile), ("jwks.file", \.keySetFile), ("jwks.url", \.keySetURL),
    ]

    /// Leaves one way of those that are said. A way of the command line takes precedence over one of the environment, and
    /// that over one of a file; two of the same place exclude each other.
    mutating func resolve(
        _ origins: [String: ConfigurationOrigin], environment: [String: String]
    ) -> ConfigurationProblems {
        var problems = ConfigurationProblems()
        let said = Self.ways.compactMap { way in
            self[keyPath: way.value] == nil ? nil : origins[way.path].map { (way: way, origin: $0) }
        }
        self.hasEnvironmentSecret = environment[Self.secretVariable]?.isEmpty == false
        let precedence = max(
            said.map(\.origin.precedence).max() ?? 0,
            self.hasEnvironmentSecret ? ConfigurationOrigin.precedenceOfEnvironment : 0)
        for (way, origin) in said where origin.precedence < precedence { self[keyPath: way.value] = nil }
        self.removeClaims(below: precedence, origins)
        let left = said.map(\.origin).filter { $0.precedence == precedence }
        var names = left.map(\.path)
        if self.hasEnvironmentSecret, precedence == ConfigurationOrigin.precedenceOfEnvironment {
            names.append(Self.secretVariable)
        }
        if names.count > 1, let last = left.last {
            problems.add(last.error("\(names.joined(separator: " and ")) exclude each other"))
        }
        if self.algorithm != nil, self.keySetFile != nil || self.keySetURL != nil,
            let origin = origins["jwt.algorithm"]
        {
            problems.add(origin.error("the algorithm is for a secret or a key; keys of a set name their own"))
        }
        return problems
    }

    /// Removes settings of claims that stand at a place of less precedence, where the way that is left knows none.
    private mutating func removeClaims(below precedence: Int, _ origins: [String: ConfigurationOrigin]) {
        func isBelow(_ path: String) -> Bool { origins[path].map { $0.precedence < precedence } ?? false }
        let isForKeySet = self.keySetFile != nil || self.keySetURL != nil
        if isBelow("jwt.algorithm"), !self.isForJWT || isForKeySet { self.algorithm = nil }
        guard !self.isForJWT else { return }
        if isBelow("jwt.issuer") { self.issuer = nil }
        if isBelow("jwt.audience") { self.audience = nil }
        if isBelow("jwt.requireExpiry") { self.isExpiryRequired = false }
    }

    var hasClaims: Bool { self.issuer != nil || self.audience != nil || self.isExpiryRequired || self.algorithm != nil }
    var isForJWT: Bool { self.tokenFile == nil && self.webhookURL == nil }

    /// The setting that says how tokens are checked; `nil` when none does.
    var way: String? {
        Self.ways.first { self[keyPath: $0.value] != nil }?.path
            ?? (self.hasEnvironmentSecret ? Self.secretVariable : nil)
    }

    /// - Returns: `nil` when tokens are not checked.
    func authenticator(logger: Logger) async throws -> Authenticator? {
        if let file = self.tokenFile { return try .tokens(file: file) }
        if let url = self.webhookURL {
            let secret = try Secret.read(file: nil, environment: "MARTLET_AUTH_SECRET")
            return try .webhook(url: url, secret: secret, timeout: self.webhookTimeout, logger: logger)
        }
        guard let keys = try self.keys() else { return nil }
        var configuration = JWTConfiguration(keys: keys)
        configuration.algorithm = self.algorithm
        configuration.issuer = self.issuer
        configuration.audience = self.audience
        configuration.isExpiryRequired = self.isExpiryRequired
        return try await .jwt(configuration, logger: logger)
    }

    private func keys() throws -> JWTConfiguration.Keys? {
        if let file = self.secretFile { return .secretFile(file) }
        if let file = self.keyFile { return .publicKeyFile(file) }
        if let file = self.keySetFile { return .setFile(file) }
        if let url = self.keySetURL { return .setURL(url) }
        return try Secret.read(file: nil, environment: Self.secretVariable).map { .secret($0) }
    }
}

extension SettingType<JWTAlgorithmName> {
    /// The name of an algorithm as tokens have it: `ES256`.
    static var jwtAlgorithm: Self {
        Self(SettingForm("algorithm", example: "HS384")) { node in
            do {
                return try JWTAlgorithmName(named: try node.string())
            } catch let error as ServerError {
                throw node.error(error.reason)
            }
        }
    }
}
