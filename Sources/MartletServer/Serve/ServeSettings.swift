public import FoundationEssentials
public import Logging
import MartletConfiguration
import MartletPush
import MartletWebSocket
import NIOCore

/// What `martlet serve` is told by its command line, the environment and its configuration file, in this order of weight.
/// docs/operations.md describes it key by key.
public struct ServeSettings: Sendable {
    /// The file that was read; `nil` when there was none.
    public let file: String?
    public private(set) var log = LogSettings()
    var configuration = PushServerConfiguration()
    var access = AccessSettings()
    var apiKeyFile: String?
    var consolePasswordFile: String?
    var tls: (certificate: String, key: String)?
    /// Where the settings stand, by path.
    private var origins: [String: ConfigurationOrigin] = [:]

    private static let apiKeyVariable = "MARTLET_API_KEY"

    /// - Parameters:
    ///   - file: YAML or JSON; `nil` for none.
    ///   - flags: what the command line says, by the path of the key in a file: `limits.pushRate`.
    /// - Throws: ``ServerError`` with the code `file`, `usage` for what the command line says, or `configuration`: one line
    ///   for each mistake, naming the key and where it stands.
    public init(
        file: String?, flags: [String: [String]] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        self.file = file
        let document: ConfigurationDocument
        do {
            document = try ConfigurationDocument(
                contentsOf: file, overrides: ConfigurationOverrides(flags: flags, environment: environment))
        } catch {
            throw ServerError(.file, reason: "cannot read the configuration \(file ?? "")", cause: error)
        }
        do {
            try self.read(document.root(), environment: environment)
        } catch let error as ConfigurationError {
            throw ServerError(error.isUsage ? .usage : .configuration, reason: error.reason)
        }
    }

    /// Opens the files that the settings name.
    ///
    /// - Parameter fetches: whether a JWK set is fetched, which the service needs and a look at the settings does not.
    /// - Throws: ``ServerError``: one line for each mistake, naming the key and where it stands.
    public func makeConfiguration(fetches: Bool = true, logger: Logger) async throws -> PushServerConfiguration {
        var configuration = self.configuration
        var problems = SettingProblems(self.origins.merging(self.access.origins) { $1 })
        await problems.gather("tls") {
            guard let tls = self.tls else { return }
            for file in [tls.certificate, tls.key] { try Secret.mustBeReadable(file) }  // the library names neither
            do {
                configuration.tls = try ServerTLS(certificateFile: tls.certificate, keyFile: tls.key)
            } catch {
                throw ServerError(.file, reason: "cannot serve TLS", cause: error)
            }
        }
        await problems.gather(self.apiKeyFile == nil ? Self.apiKeyVariable : "apiKeyFile") {
            if let file = self.apiKeyFile {
                let keys = try APIKeys(contentsOf: file)
                configuration.apiKeys = keys
                configuration.reloadedFiles.append(ReloadedFile(file) { try keys.reload(contentsOf: file) })
            } else if let key = try Secret.read(file: nil, environment: Self.apiKeyVariable) {
                configuration.apiKeys = APIKeys([APIKey(key)])
            }
        }
        await problems.gather("console.passwordFile") {
            guard let file = self.consolePasswordFile else { return }
            let passwords = try APIKeys(contentsOf: file)
            configuration.console.passwords = passwords
            configuration.reloadedFiles.append(ReloadedFile(file) { try passwords.reload(contentsOf: file) })
        }
        await problems.gather(self.access.way ?? "jwt") {
            if !fetches, let url = self.access.keySetURL {
                guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
                    throw ServerError(.configuration, reason: "\(url) is no http or https URL")
                }
                configuration.hooks.authenticate = { _, _ in nil }
            } else if let authenticator = try await self.access.authenticator(logger: logger) {
                configuration.hooks.authenticate = authenticator.authenticate
                configuration.reloadedFiles += authenticator.files
            }
        }
        let claims = ["jwt.algorithm", "jwt.issuer", "jwt.audience", "jwt.requireExpiry"]
        await problems.gather(claims.first { self.access.origins[$0] != nil } ?? "jwt") {
            guard self.access.hasClaims, self.access.way == nil || !self.access.isForJWT else { return }
            throw ServerError(.configuration, reason: "there is no key that tokens could be checked with")
        }
        configuration.hooks.anonymousUser = self.access.anonymousUser
        // What a missing key makes unsafe is told when nothing else is wrong.
        for problem in configuration.problems where problem.key != "listen" || problems.isEmpty {
            problems.add(ServerError(.configuration, reason: problem.reason), at: problem.key)
        }
        try problems.throwAny()
        return configuration
    }

    // MARK: Reading

    private mutating func read(_ root: ConfigurationNode, environment: [String: String]) throws {
        var problems = ConfigurationProblems()
        let members = try root.members(
            [
                "listen", "tls", "reusePort", "trustedProxies", "wsPath", "pushPath", "ssePath", "pollPath", "origin",
                "open",
                "apiKeyFile", "console", "tokenFile", "anonymousUser", "jwt", "jwks", "auth", "history", "retry",
                "heartbeat",
                "limits",
                "drain", "log",
            ], problems: &problems)
        self.origins = members.origins
        problems.gather { try members.read("listen", into: &self.configuration.listen) { try $0.listenAddress() } }
        problems.gather { try members.read("tls", into: &self.tls) { try Self.tls($0) } }
        problems.gather { try members.read("reusePort", into: &self.configuration.isPortShared) { try $0.bool() } }
        problems.gather {
            try members.read("trustedProxies", into: &self.configuration.trustedProxies) { try $0.trustedProxies() }
        }
        problems.gather { try members.read("wsPath", into: &self.configuration.webSocketPath) { try $0.string() } }
        problems.gather { try members.read("pushPath", into: &self.configuration.pushPath) { try $0.string() } }
        problems.gather {
            try members.read("ssePath", into: &self.configuration.eventStreams.eventsPath) { try $0.string() }
        }
        problems.gather {
            try members.read("pollPath", into: &self.configuration.eventStreams.pollPath) { try $0.string() }
        }
        problems.gather { try members.read("origin", into: &self.configuration.origin) { try $0.originPolicy() } }
        problems.gather { try members.read("open", into: &self.configuration.isOpenBeyondLoopback) { try $0.bool() } }
        problems.gather {
            // What the environment says itself counts more than where a file says that it stands.
            let isSaid = environment[Self.apiKeyVariable]?.isEmpty == false
            guard let node = members["apiKeyFile"], !isSaid || node.origin.weight > 0 else { return }
            guard !isSaid || node.origin.weight > ConfigurationOrigin.weightOfEnvironment else {
                throw node.error("apiKeyFile and \(Self.apiKeyVariable) exclude each other")
            }
            self.apiKeyFile = try node.string()
        }
        problems.gather { try members["console"].map { try self.readConsole($0) } }
        problems.gather { try self.access.read(members, environment: environment) }
        problems.gather { try members["history"].map { try self.configuration.history.read($0) } }
        problems.gather {
            try members.read("retry", into: &self.configuration.eventStreams.retry) { node in
                let longest = Int(try node.timeout().nanoseconds / 1_000_000)
                return longest / 3...longest
            }
        }
        problems.gather {
            try members.read("heartbeat", into: &self.configuration.eventStreams.heartbeatInterval) { try $0.timeout() }
        }
        problems.gather { try members["limits"].map { try self.configuration.readLimits($0) } }
        problems.gather { try members["drain"].map { try self.configuration.readDrain($0) } }
        problems.gather { try members["log"].map { try self.log.read($0) } }
        try problems.throwAny()
    }

    private mutating func readConsole(_ node: ConfigurationNode) throws {
        let members = try node.members(["enabled", "passwordFile"])
        self.origins.merge(members.origins) { $1 }
        var problems = ConfigurationProblems()
        problems.gather { try members.read("enabled", into: &self.configuration.console.isEnabled) { try $0.bool() } }
        problems.gather { try members.read("passwordFile", into: &self.consolePasswordFile) { try $0.string() } }
        try problems.throwAll()
    }

    private static func tls(_ node: ConfigurationNode) throws -> (certificate: String, key: String) {
        let members = try node.members(["certificate", "key"])
        return (try members.required("certificate").string(), try members.required("key").string())
    }
}
