import Logging
import MartletConfiguration
import MartletWebSocket
import NIOCore

/// How `martlet serve` tells who a client is: one way of several.
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
    /// Where the settings stand, by path.
    private(set) var origins: [String: ConfigurationOrigin] = [:]
    private var hasEnvironmentSecret = false

    static let secretVariable = "MARTLET_JWT_SECRET"

    /// - Parameter members: of the whole configuration.
    mutating func read(_ members: ConfigurationMembers, environment: [String: String]) throws {
        var problems = ConfigurationProblems()
        var ways: [(origin: ConfigurationOrigin, forget: (inout AccessSettings) -> Void)] = []
        func read(_ node: ConfigurationNode?, into key: WritableKeyPath<AccessSettings, String?>) throws {
            guard let node else { return }
            self[keyPath: key] = try node.string()
            ways.append((node.origin, { $0[keyPath: key] = nil }))
        }
        self.origins = members.origins
        problems.gather { try read(members["tokenFile"], into: \.tokenFile) }
        problems.gather {
            try members.read("anonymousUser", into: &self.anonymousUser) { node in
                let name = try node.string()
                guard !name.isEmpty else { throw node.error("expected the name of a user") }
                return name
            }
        }
        problems.gather {
            guard
                let jwt = try members["jwt"]?.members([
                    "secretFile", "keyFile", "algorithm", "issuer", "audience", "requireExpiry",
                ])
            else { return }
            self.origins.merge(jwt.origins) { $1 }
            var problems = ConfigurationProblems()
            problems.gather { try read(jwt["secretFile"], into: \.secretFile) }
            problems.gather { try read(jwt["keyFile"], into: \.keyFile) }
            problems.gather {
                try jwt.read("algorithm", into: &self.algorithm) { node in
                    do {
                        return try JWTAlgorithmName(named: try node.string())
                    } catch let error as ServerError {
                        throw node.error(error.reason)
                    }
                }
            }
            problems.gather { try jwt.read("issuer", into: &self.issuer) { try $0.string() } }
            problems.gather { try jwt.read("audience", into: &self.audience) { try $0.string() } }
            problems.gather { try jwt.read("requireExpiry", into: &self.isExpiryRequired) { try $0.bool() } }
            try problems.throwAll()
        }
        problems.gather {
            guard let set = try members["jwks"]?.members(["file", "url"]) else { return }
            self.origins.merge(set.origins) { $1 }
            try read(set["file"], into: \.keySetFile)
            try read(set["url"], into: \.keySetURL)
        }
        problems.gather {
            guard let webhook = try members["auth"]?.members(["url", "timeout"]) else { return }
            self.origins.merge(webhook.origins) { $1 }
            try read(webhook["url"], into: \.webhookURL)
            try webhook.read("timeout", into: &self.webhookTimeout) { try $0.timeout() }
        }
        problems.gather {
            // What counts more takes the place of what counts less, as for every other key.
            self.hasEnvironmentSecret = environment[Self.secretVariable]?.isEmpty == false
            let weight = max(
                ways.map(\.origin.weight).max() ?? 0,
                self.hasEnvironmentSecret ? ConfigurationOrigin.weightOfEnvironment : 0)
            for way in ways where way.origin.weight < weight { way.forget(&self) }
            self.forgetClaims(below: weight)
            let left = ways.filter { $0.origin.weight == weight }.map(\.origin)
            var names = left.map(\.path)
            if self.hasEnvironmentSecret, weight == ConfigurationOrigin.weightOfEnvironment {
                names.append(Self.secretVariable)
            }
            guard names.count > 1, let last = left.last else { return }
            throw last.error("\(names.joined(separator: " and ")) exclude each other")
        }
        problems.gather {
            guard self.algorithm != nil, self.keySetFile != nil || self.keySetURL != nil, let jwt = members["jwt"]
            else {
                return
            }
            throw jwt.error("the algorithm is for a secret or a key; keys of a set name their own")
        }
        try problems.throwAll()
    }

    /// What a place that counts less says of claims goes with its way, where the way that counts knows none.
    private mutating func forgetClaims(below weight: Int) {
        func isBelow(_ path: String) -> Bool { self.origins[path].map { $0.weight < weight } ?? false }
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
        if self.tokenFile != nil { return "tokenFile" }
        if self.webhookURL != nil { return "auth.url" }
        if self.secretFile != nil { return "jwt.secretFile" }
        if self.keyFile != nil { return "jwt.keyFile" }
        if self.keySetFile != nil { return "jwks.file" }
        if self.keySetURL != nil { return "jwks.url" }
        return self.hasEnvironmentSecret ? Self.secretVariable : nil
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
