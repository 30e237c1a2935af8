package import MartletConfiguration
import NIOCore

extension SettingsTable {
    /// Reads a file, the environment and the command line.
    ///
    /// - Parameters:
    ///   - command: the command whose settings these are: `martlet serve`.
    ///   - file: YAML or JSON; `nil` for none.
    ///   - flags: the values of the command line, by the path of the key.
    ///   - others: variables of other commands, by name, with the command; they are told as warnings.
    /// - Throws: ``ServerError`` with the code `file` for one that cannot be read, `configuration` for one that is no YAML,
    ///   and `usage` when there are mistakes on the command line: then all mistakes are told. Other mistakes stay in the
    ///   reading.
    package func read(
        command: String, file: String?, flags: [String: [String]], environment: [String: String],
        others: [String: String]
    ) throws(ServerError) -> SettingsReading<Root> {
        let document: ConfigurationDocument
        do {
            document = try ConfigurationDocument(
                contentsOf: file, overrides: ConfigurationOverrides(flags: flags, environment: environment))
        } catch {
            throw ServerError(.file, reason: "cannot read the configuration \(file ?? "")", cause: error)
        }
        let reading: SettingsReading<Root>
        do {
            reading = self.read(root: try document.root(), command: command, others: others)
        } catch {
            throw ServerError(.configuration, reason: error.reason)
        }
        try reading.throwUsage()
        return reading
    }
}

extension SettingsReading {
    /// Runs a function that uses a setting; what it throws is gathered, with the key and its place.
    ///
    /// - Parameter path: the key; or the name of a variable, for what only the environment says.
    package mutating func gather(_ path: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch let error as ServerError {
            self.add(error, at: path)
        } catch {
            self.add(ServerError(.configuration, reason: "\(error)"), at: path)
        }
    }

    package mutating func add(_ error: ServerError, at path: String) {
        let placed = self.origins[path]?.error("\(error)") ?? ConfigurationError("\(path): \(error)")
        self.problems.add(placed.of(error.code == .file ? .file : .configuration))
    }

    /// Throws all mistakes if one of them is on the command line: then its usage is shown beside them.
    package func throwUsage() throws(ServerError) {
        if self.problems.errors.contains(where: { $0.kind == .usage }) { try self.throwProblems() }
    }

    /// Throws all mistakes as one error, a line for each.
    package func throwProblems() throws(ServerError) {
        do {
            try self.problems.throwAny()
        } catch {
            let code: ServerError.Code =
                switch error.kind {
                case .usage: .usage
                case .configuration: .configuration
                case .file: .file
                }
            throw ServerError(code, reason: error.reason)
        }
    }
}
