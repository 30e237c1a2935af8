public import FoundationEssentials
public import Logging
import MartletAuth
package import MartletConfiguration
import MartletPush
public import MartletService
import MartletWebSocket

/// The settings of `martlet proxy`, from its command line, the environment and its configuration file, in this order of
/// precedence. docs/proxy.md describes them key by key.
public struct ProxySettings: Sendable {
    /// The file that was read; `nil` when there was none.
    public let file: String?
    private let reading: SettingsReading<ProxyValues>
    private let configuration: ProxyConfiguration

    /// The name of the command, for whoever is sent to its `--help`.
    package static let command = "martlet proxy"

    /// Reads the settings. Mistakes in the file and the environment are told by ``makeConfiguration(fetches:logger:)``.
    ///
    /// - Parameters:
    ///   - file: YAML or JSON; `nil` for none.
    ///   - flags: the values of the command line, by the path of the key in a file: `drain.time`.
    ///   - others: the variables of other commands, by name, with the command: they are no mistakes, but told.
    /// - Throws: ``ServerError`` with the code `file` for one that cannot be read, `configuration` for one that is no YAML,
    ///   and `usage` when there are mistakes on the command line: one line for each mistake, naming the key and its place.
    public init(
        file: String?, flags: [String: [String]] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment, others: [String: String] = [:]
    ) throws {
        self.file = file
        var reading = try ProxyValues.table.read(
            command: Self.command, file: file, flags: flags, environment: environment, others: others)
        self.configuration = reading.resolve(hasFile: file != nil)
        try reading.throwUsage()
        self.reading = reading
    }

    /// The settings of the log.
    public var log: LogSettings { self.reading.values.log }

    /// The server that all requests go to, when there is one.
    public var to: UpstreamURL? { self.reading.values.to }

    /// Old ways in which settings are said, a line for each, with its place.
    public var warnings: [String] { self.reading.warnings }

    /// The values that were read, for comparison.
    package var values: Any { self.reading.values }

    /// The settings, as help and documents show them.
    package static var descriptions: [SettingDescription] { ProxyValues.table.descriptions }

    /// The keys of settings that differ from others and wait for a restart.
    package func fixedDifferences(from other: Self) -> [String] {
        ProxyValues.table.fixedDifferences(self.reading.values, other.reading.values)
    }

    /// Whether a file is meant for a proxy: it says where requests come from or go.
    ///
    /// - Throws: ``ServerError`` with the code `file` or `configuration`.
    public static func isConfiguration(_ file: String) throws -> Bool {
        let document: ConfigurationDocument
        do {
            document = try ConfigurationDocument(contentsOf: file)
        } catch {
            throw ServerError(.file, reason: "cannot read the configuration \(file)", cause: error)
        }
        do {
            return !Set(try document.root().keys()).isDisjoint(with: ["to", "listeners", "routes", "upstreams"])
        } catch {
            throw ServerError(.configuration, reason: error.reason)
        }
    }

    /// Reads a configuration from a text, without opening the files that it names.
    ///
    /// - Throws: ``ServerError`` with all mistakes.
    static func configuration(text: String, file: String) throws -> ProxyConfiguration {
        do {
            let root = try ConfigurationDocument(text: text, file: file).root()
            var reading = ProxyValues.table.read(root: root, command: Self.command)
            let configuration = reading.resolve(hasFile: true)
            try reading.throwProblems()
            return configuration
        } catch let error as ConfigurationError {
            throw ServerError(.configuration, reason: error.reason)
        }
    }

    /// Opens the files that the settings name, so that what is wrong with them is told now and not when a client comes.
    ///
    /// - Parameter fetches: whether a JWK set is fetched, which the proxy needs and a look at the settings does not.
    /// - Throws: ``ServerError`` with all mistakes: one line for each, naming the key and its place. Its code is `file` when
    ///   only files cannot be read, and `configuration` otherwise.
    public func makeConfiguration(fetches: Bool = true, logger: Logger) async throws -> ProxyConfiguration {
        var reading = self.reading
        var configuration = self.configuration
        for entry in reading.values.listeners {
            for (path, error) in entry.values.tls.open().problems { reading.add(error, entry, at: path) }
        }
        for (name, entry) in reading.values.upstreams {
            for (path, error) in Self.problems(of: entry.values.tls, upstream: name) {
                reading.add(error, entry, at: path)
            }
        }
        if let file = configuration.accessLog?.file, file != "-", !Self.isWritable(file) {
            reading.add(ServerError(.file, reason: "cannot write \(file)"), at: "accessLog.file")
        }
        for (index, entry) in reading.values.routes.enumerated() {
            // What is wrong with the keys' settings is among the problems already.
            guard let (settings, path) = try? entry.tokens() else { continue }
            await reading.gather(entry, path) {
                // Without a fetch no token is valid.
                let verifier: JWTVerifier? =
                    if !fetches, settings.keySetURL != nil {
                        nil
                    } else if let jwt = settings.configuration() {
                        try await JWTVerifier(jwt, logger: logger)
                    } else {
                        nil
                    }
                configuration.routes[index].webSocket.authenticate = .init(userHeader: entry.values.userHeader) {
                    try await verifier?.user(of: $0)?.id
                }
            }
        }
        try reading.throwProblems()
        return configuration
    }
}

extension ProxySettings {
    /// Opens the files of an upstream's TLS.
    ///
    /// - Returns: what is wrong with them, each with the path of its key.
    private static func problems(
        of tls: UpstreamConfiguration.TLS, upstream: String
    ) -> [(path: String, error: ServerError)] {
        var problems: [(path: String, error: ServerError)] = []
        if tls.key != nil, tls.certificate == nil {
            problems.append(
                ("tls.key", ServerError(.configuration, reason: "tls.certificate is missing, which goes with it")))
        }
        for (path, file) in [
            ("tls.authorities", tls.authorities), ("tls.certificate", tls.certificate), ("tls.key", tls.key),
        ] {
            do {
                _ = try file.map { try Secret.text(of: $0) }
            } catch {
                problems.append((path, error as? ServerError ?? ServerError(.file, reason: "\(error)")))
            }
        }
        guard problems.isEmpty else { return problems }
        do {
            _ = try UpstreamTLS(tls, upstream: upstream)
        } catch {
            let path = tls.certificate == nil ? "tls.authorities" : "tls.certificate"
            problems.append((path, ServerError(.file, reason: "\(error)")))
        }
        return problems
    }

    /// Whether a file can be written, or made in its folder.
    private static func isWritable(_ file: String) -> Bool {
        let files = FileManager.default
        if let attributes = try? files.attributesOfItem(atPath: file) {
            return attributes[.type] as? FileAttributeType != .typeDirectory && files.isWritableFile(atPath: file)
        }
        // A new file needs a folder.
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return files.isWritableFile(atPath: folder.isEmpty ? (file.hasPrefix("/") ? "/" : ".") : folder)
    }
}

extension SettingsReading {
    fileprivate mutating func add<Entry>(_ error: ServerError, _ entry: SettingsEntry<Entry>, at path: String) {
        self.problems.add(entry.error("\(error)", at: path).of(error.code == .file ? .file : .configuration))
    }

    /// Runs a function that uses a setting of an entry; what it throws is gathered, with the key and its place.
    fileprivate mutating func gather<Entry>(
        _ entry: SettingsEntry<Entry>, _ path: String, _ body: () async throws -> Void
    ) async {
        do {
            try await body()
        } catch {
            let isFile = (error as? ServerError)?.code == .file || (error as? ProxyError)?.code == .file
            self.problems.add(entry.error("\(error)", at: path).of(isFile ? .file : .configuration))
        }
    }
}
