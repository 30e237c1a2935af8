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

    /// - Parameter members: of the whole configuration.
    mutating func read(_ members: ConfigurationMembers) throws {
        var problems = ConfigurationProblems()
        var ways: [ConfigurationNode] = []
        func read(_ node: ConfigurationNode?, into value: inout String?) throws {
            guard let node else { return }
            value = try node.string()
            ways.append(node)
        }
        problems.gather { try read(members["tokenFile"], into: &self.tokenFile) }
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
            try read(jwt["secretFile"], into: &self.secretFile)
            try read(jwt["keyFile"], into: &self.keyFile)
            try jwt.read("algorithm", into: &self.algorithm) { node in
                do {
                    return try JWTAlgorithmName(named: try node.string())
                } catch let error as ServerError {
                    throw node.error(error.reason)
                }
            }
            try jwt.read("issuer", into: &self.issuer) { try $0.string() }
            try jwt.read("audience", into: &self.audience) { try $0.string() }
            try jwt.read("requireExpiry", into: &self.isExpiryRequired) { try $0.bool() }
        }
        problems.gather {
            guard let set = try members["jwks"]?.members(["file", "url"]) else { return }
            try read(set["file"], into: &self.keySetFile)
            try read(set["url"], into: &self.keySetURL)
        }
        problems.gather {
            guard let webhook = try members["auth"]?.members(["url", "timeout"]) else { return }
            try read(webhook["url"], into: &self.webhookURL)
            try webhook.read("timeout", into: &self.webhookTimeout) { try $0.timeout() }
        }
        problems.gather {
            guard ways.count > 1 else { return }
            throw ways[1].error("\(ways.map(\.path).joined(separator: " and ")) exclude each other")
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

    var hasClaims: Bool { self.issuer != nil || self.audience != nil || self.isExpiryRequired || self.algorithm != nil }
    var isForJWT: Bool { self.tokenFile == nil && self.webhookURL == nil }

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
        return try Secret.read(file: nil, environment: "MARTLET_JWT_SECRET").map { .secret($0) }
    }
}
