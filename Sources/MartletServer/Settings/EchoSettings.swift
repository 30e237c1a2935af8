public import FoundationEssentials
package import MartletConfiguration
public import MartletService
import MartletWebSocket

/// The settings of `martlet echo`, from its command line, the environment and its configuration file, in this order of
/// precedence.
public struct EchoSettings: Sendable {
    private var reading: SettingsReading<EchoValues>

    /// The name of the command, for whoever is sent to its `--help`.
    package static let command = "martlet echo"

    /// Reads the settings. Mistakes in the file and the environment are told by ``makeConfiguration()``.
    ///
    /// - Parameters:
    ///   - file: YAML or JSON; `nil` for none.
    ///   - flags: the values of the command line, by the path of the key in a file: `limits.messageSize`.
    ///   - others: the variables of other commands, by name, with the command: they are no mistakes, but told.
    /// - Throws: ``ServerError`` with the code `file` for one that cannot be read, `configuration` for one that is no YAML,
    ///   and `usage` when there are mistakes on the command line: one line for each mistake, naming the key and its place.
    public init(
        file: String?, flags: [String: [String]] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment, others: [String: String] = [:]
    ) throws {
        self.reading = try EchoValues.table.read(
            command: Self.command, file: file, flags: flags, environment: environment, others: others)
        if self.reading.isSound("tls") {
            self.reading.values.tls.problem(self.reading.origins, sections: self.reading.sections).map {
                self.reading.problems.add($0)
            }
        }
        if self.reading.values.isContextTakenOver, !self.reading.values.isCompressed, self.reading.isSound("compress") {
            self.reading.origins["contextTakeover"].map {
                self.reading.problems.add($0.error("it needs compress, which is false"))
            }
        }
        try self.reading.throwUsage()
    }

    /// The settings of the log.
    public var log: LogSettings { self.reading.values.log }
    /// Whether every message is printed with its type.
    public var isVerbose: Bool { self.reading.values.isVerbose }
    /// Old ways in which settings are said, a line for each, with its place.
    public var warnings: [String] { self.reading.warnings }

    /// The values that were read, for comparison.
    package var values: Any { self.reading.values }

    /// The settings, as help and documents show them.
    package static var descriptions: [SettingDescription] { EchoValues.table.descriptions }

    /// Opens the files that the settings name.
    ///
    /// - Throws: ``ServerError`` with all mistakes: one line for each, naming the key and its place. Its code is `file` when
    ///   only files cannot be read, and `configuration` otherwise.
    public func makeConfiguration() async throws -> EchoServer.Configuration {
        var reading = self.reading
        let values = reading.values
        var configuration = values.configuration
        if values.isCompressed {
            var compression = CompressionConfiguration()
            compression.allowsContextTakeover = values.isContextTakenOver
            configuration.compression = compression
        }
        let (tls, tlsProblems) = values.tls.open()
        configuration.tls = tls
        for (path, error) in tlsProblems { reading.add(error, at: path) }
        try reading.throwProblems()
        return configuration
    }
}
