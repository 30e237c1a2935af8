import FoundationEssentials
import MartletConfiguration

extension ProxyConfiguration {
    /// Reads a configuration file: YAML, or JSON, which is YAML as well. docs/proxy.md describes it key by key.
    ///
    /// ``ProxySettings`` reads it with the environment, and with the checks of tokens that `martlet proxy` has.
    ///
    /// - Parameter authentication: makes the check of tokens from a route's `jwt` and `jwks` settings.
    /// - Throws: ``ProxyError`` with the code `file` or `configuration`: one line for each mistake, naming the key and its
    ///   line.
    public init(
        contentsOf path: String,
        authentication: (JWTSettings) throws -> WebSocketPolicy.Authentication = { _ in
            throw ProxyError(.configuration, reason: "tokens are not checked here")
        }
    ) throws {
        let text: String
        do {
            text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        } catch {
            throw ProxyError(.file, reason: "cannot read the configuration \(path)", cause: error)
        }
        try self.init(text: text, file: path, authentication: authentication)
    }

    init(
        text: String, file: String, authentication: (JWTSettings) throws -> WebSocketPolicy.Authentication
    ) throws {
        do {
            let root = try ConfigurationDocument(text: text, file: file).root()
            var reading = ProxyValues.table.read(root: root, command: ProxySettings.command)
            var configuration = reading.resolve(hasFile: true)
            for (index, entry) in reading.values.routes.enumerated() {
                guard let (settings, path) = try? entry.tokens() else { continue }
                do {
                    configuration.routes[index].webSocket.authenticate = try authentication(settings)
                } catch {
                    reading.problems.add(entry.error("\(error)", at: path))
                }
            }
            try reading.problems.throwAny()
            self = configuration
        } catch let error as ConfigurationError {
            throw ProxyError(.configuration, reason: error.reason)
        }
    }
}
