public import FoundationEssentials
public import Logging
package import MartletConfiguration
import MartletPush
public import MartletService
import MartletWebSocket

/// The settings of `martlet serve`, from its command line, the environment and its configuration file, in this order of
/// precedence. docs/operations.md describes them key by key.
public struct ServeSettings: Sendable {
    /// The file that was read; `nil` when there was none.
    public let file: String?
    private var reading: SettingsReading<ServeValues>
    private let environment: [String: String]

    /// The name of the command, for whoever is sent to its `--help`.
    package static let command = "martlet serve"
    private static let apiKeyVariable = "MARTLET_API_KEY"

    /// Reads the settings. Mistakes in the file and the environment are told by ``makeConfiguration(fetches:logger:)``.
    ///
    /// - Parameters:
    ///   - file: YAML or JSON; `nil` for none.
    ///   - flags: the values of the command line, by the path of the key in a file: `limits.pushRate`.
    ///   - others: the variables of other commands, by name, with the command: they are no mistakes, but told.
    /// - Throws: ``ServerError`` with the code `file` for one that cannot be read, `configuration` for one that is no YAML,
    ///   and `usage` when there are mistakes on the command line: one line for each mistake, naming the key and its place.
    public init(
        file: String?, flags: [String: [String]] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment, others: [String: String] = [:]
    ) throws {
        self.file = file
        self.environment = environment
        self.reading = try ServeValues.table.read(
            command: Self.command, file: file, flags: flags, environment: environment, others: others)
        self.resolve()
        try self.reading.throwUsage()
    }

    /// The settings of the log.
    public var log: LogSettings { self.reading.values.log }

    /// Old ways in which settings are said, a line for each, with its place.
    public var warnings: [String] { self.reading.warnings }

    /// The values that were read, for comparison.
    package var values: Any { self.reading.values }

    /// The settings, as help and documents show them.
    package static var descriptions: [SettingDescription] { ServeValues.table.descriptions }
    package static var secrets: [SecretVariable] { ServeValues.table.secrets }

    /// The keys of settings that differ from others and wait for a restart.
    package func fixedDifferences(from other: Self) -> [String] {
        ServeValues.table.fixedDifferences(self.reading.values, other.reading.values)
    }

    /// Opens the files that the settings name.
    ///
    /// - Parameter fetches: whether a JWK set is fetched, which the service needs and a look at the settings does not.
    /// - Throws: ``ServerError`` with all mistakes: one line for each, naming the key and its place. Its code is `file` when
    ///   only files cannot be read, and `configuration` otherwise.
    public func makeConfiguration(fetches: Bool = true, logger: Logger) async throws -> PushServerConfiguration {
        var reading = self.reading
        let values = reading.values
        var configuration = values.configuration
        let (tls, tlsProblems) = values.tls.open(http2: configuration.isHTTP2Allowed)
        configuration.tls = tls
        for (path, error) in tlsProblems { reading.add(error, at: path) }
        await reading.gather(values.apiKeyFile == nil ? Self.apiKeyVariable : "apiKeyFile") {
            if let file = values.apiKeyFile {
                let keys = try APIKeys(contentsOf: file)
                configuration.apiKeys = keys
                configuration.reloadedFiles.append(ReloadedFile(file) { try keys.reload(contentsOf: file) })
            } else if let key = self.secret(Self.apiKeyVariable) {
                configuration.apiKeys = APIKeys([APIKey(key)])
            }
        }
        await reading.gather("console.passwordFile") {
            guard let file = values.consolePasswordFile else { return }
            let passwords = try APIKeys(contentsOf: file)
            configuration.console.passwords = passwords
            configuration.reloadedFiles.append(ReloadedFile(file) { try passwords.reload(contentsOf: file) })
        }
        let (access, bearer) = (values.access, self.secret("MARTLET_AUTH_SECRET"))
        await reading.gather(access.way ?? "jwt") {
            if !fetches, access.jwt.keySetURL != nil {
                configuration.hooks.authenticate = { _ in nil }
            } else if let authenticator = try await access.authenticator(bearer: bearer, logger: logger) {
                configuration.hooks.authenticate = authenticator.authenticate
                configuration.reloadedFiles += authenticator.files
            }
        }
        configuration.settings = self.settingValues
        configuration.hooks.anonymousUser = access.anonymousUser
        if ["jwt", "jwks", "auth"].allSatisfy(reading.isSound),
            let path = access.lonely(reading.origins, sections: reading.sections)
        {
            let reason =
                path.hasPrefix("auth") ? "auth.url is missing" : "there is no key that tokens could be checked with"
            (reading.origins[path] ?? reading.sections[path]).map {
                reading.problems.add($0.error(reason).of(.configuration))
            }
        }
        // A missing key makes the service unsafe: that is told when nothing else is wrong.
        for problem in configuration.problems where !problem.isExposure || reading.problems.isEmpty {
            reading.add(ServerError(.configuration, reason: problem.reason), at: problem.key)
        }
        try reading.throwProblems()
        return configuration
    }

    /// The settings for operators to see: secrets are hidden, and URLs are shown without what may be secret.
    private var settingValues: [SettingValue] {
        let table = ServeValues.table
        let values = table.values(of: self.reading.values, origins: self.reading.origins) { form, text in
            form.name == "URL" ? LoggedURL.text(text) : text
        }
        return values
            + table.secrets.map { secret in
                let isSet = self.secret(secret.name) != nil
                return SettingValue(
                    path: secret.name, text: isSet ? "set, not shown" : "none", place: isSet ? "environment" : nil,
                    isLive: false)
            }
    }

    /// A secret of the environment; `nil` when it is not there or empty.
    private func secret(_ variable: String) -> String? {
        self.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Applies what settings of several keys have to do with each other.
    private mutating func resolve() {
        if self.reading.isSound("tls") {
            self.reading.values.tls.problem(self.reading.origins, sections: self.reading.sections).map {
                self.reading.problems.add($0)
            }
        }
        let problems = self.reading.values.access.resolve(self.reading.origins, environment: self.environment)
        self.reading.problems.gather { try problems.throwAll() }
        // A key in the environment takes precedence over a file of keys that a file names.
        guard self.secret(Self.apiKeyVariable) != nil, let origin = self.reading.origins["apiKeyFile"] else {
            return
        }
        switch origin.precedence {
        case ..<ConfigurationOrigin.precedenceOfEnvironment: self.reading.values.apiKeyFile = nil
        case ConfigurationOrigin.precedenceOfEnvironment:
            self.reading.problems.add(origin.error("apiKeyFile and \(Self.apiKeyVariable) exclude each other"))
        default: break
        }
    }
}
