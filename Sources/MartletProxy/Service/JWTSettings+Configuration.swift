import MartletAuth

extension ProxyConfiguration.JWTSettings {
    /// - Throws: ``ServerError`` with the code `configuration`.
    func configuration() throws -> JWTConfiguration {
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
