import Logging
import MartletConfiguration
import MartletService
import MartletWebSocket
import NIOCore

/// The settings that say how `martlet serve` checks tokens: one way of several.
struct AccessSettings: Sendable {
    var tokenFile: String?
    var anonymousUser: String?
    var jwt = JWTSettings()
    var webhookURL: String?
    var webhookTimeout = TimeAmount.seconds(5)
    var webhookCache = TimeAmount.zero
    /// The secret of the environment that JWT tokens are signed with.
    private var environmentSecret: String?

    static let secretVariable = "MARTLET_JWT_SECRET"

    static let settings: [Setting<AccessSettings>] =
        [.live("tokenFile", \.tokenFile, .file, "A file of tokens: a token and its user on each line.")]
        + JWTSettings.settings.map { $0.at(\AccessSettings.jwt) } + Self.webhook

    private static let webhook: [Setting<AccessSettings>] = [
        .live(
            "auth.url", \.webhookURL, .httpURL(example: "http://127.0.0.1:9000/auth"),
            "The URL where the back end is asked for a token's user: POST `{\"token\":…,\"events\":[…]}`, answered `{\"user\":…}`."
        ),
        .live(
            "auth.timeout", \.webhookTimeout, .timeout, "The longest time that an answer of the back end may take."),
        .live(
            "auth.cache", \.webhookCache, .timeout(atLeast: .zero),
            "The time for which an answer of the back end is used again for the same token and events; 0 is none."),
        .live(
            "anonymousUser", \.anonymousUser, .text("user", example: "guest"), default: "none, they are refused",
            "The user that clients without a token are."),
    ]

    /// The ways to check tokens, each with its setting.
    private static let ways: [(path: String, value: WritableKeyPath<AccessSettings, String?> & Sendable)] =
        [("tokenFile", \.tokenFile), ("auth.url", \.webhookURL)]
        + [
            ("jwt.secretFile", \.jwt.secretFile), ("jwt.keyFile", \.jwt.keyFile), ("jwks.file", \.jwt.keySetFile),
            ("jwks.url", \.jwt.keySetURL),
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
        self.environmentSecret = environment[Self.secretVariable].flatMap { $0.isEmpty ? nil : $0 }
        let precedence = max(
            said.map(\.origin.precedence).max() ?? 0,
            self.environmentSecret == nil ? 0 : ConfigurationOrigin.precedenceOfEnvironment)
        for (way, origin) in said where origin.precedence < precedence { self[keyPath: way.value] = nil }
        self.removeClaims(below: precedence, origins)
        let left = said.map(\.origin).filter { $0.precedence == precedence }
        var names = left.map(\.path)
        if self.environmentSecret != nil, precedence == ConfigurationOrigin.precedenceOfEnvironment {
            names.append(Self.secretVariable)
        }
        if names.count > 1, let last = left.last {
            problems.add(last.error("\(names.joined(separator: " and ")) exclude each other"))
        }
        if self.jwt.algorithm != nil, self.jwt.isForKeySet, let origin = origins["jwt.algorithm"] {
            problems.add(origin.error("the algorithm is for a secret or a key; keys of a set name their own"))
        }
        return problems
    }

    /// Removes settings of claims that stand at a place of less precedence, where the way that is left knows none.
    private mutating func removeClaims(below precedence: Int, _ origins: [String: ConfigurationOrigin]) {
        func isBelow(_ path: String) -> Bool { origins[path].map { $0.precedence < precedence } ?? false }
        if isBelow("jwt.algorithm"), !self.isForJWT || self.jwt.isForKeySet { self.jwt.algorithm = nil }
        guard !self.isForJWT else { return }
        if isBelow("jwt.issuer") { self.jwt.issuer = nil }
        if isBelow("jwt.audience") { self.jwt.audience = nil }
        if isBelow("jwt.requireExpiry") { self.jwt.isExpiryRequired = false }
    }

    private var isForJWT: Bool { self.tokenFile == nil && self.webhookURL == nil }

    /// The setting that says how tokens are checked; `nil` when none does.
    var way: String? {
        Self.ways.first { self[keyPath: $0.value] != nil }?.path
            ?? (self.environmentSecret == nil ? nil : Self.secretVariable)
    }

    /// A setting or mapping that means to check tokens, and has nothing to check them with.
    ///
    /// - Parameters:
    ///   - origins: the places of settings that are said, by path.
    ///   - sections: the places of mappings that are there, by path.
    func lonely(_ origins: [String: ConfigurationOrigin], sections: [String: ConfigurationOrigin]) -> String? {
        if self.jwt.hasClaims, self.way == nil || !self.isForJWT {
            return JWTSettings.claims.first { origins[$0] != nil }
        }
        guard self.way == nil else { return nil }
        return ["auth.timeout", "auth.cache"].first { origins[$0] != nil }
            ?? ["jwt", "jwks", "auth"].first { sections[$0] != nil }
    }

    /// - Parameter bearer: the token that the service shows to the back end.
    /// - Returns: `nil` when tokens are not checked.
    func authenticator(bearer: String?, logger: Logger) async throws -> Authenticator? {
        if let file = self.tokenFile { return try .tokens(file: file) }
        if let url = self.webhookURL {
            return try .webhook(
                url: url, secret: bearer, timeout: self.webhookTimeout, cache: self.webhookCache, logger: logger)
        }
        guard let configuration = self.jwt.configuration(secret: self.environmentSecret) else { return nil }
        return try await .jwt(configuration, logger: logger)
    }
}
