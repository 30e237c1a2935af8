/// Gathers what is wrong with a configuration, so that all of it can be mended at once.
package struct ConfigurationProblems: Error {
    package private(set) var errors: [ConfigurationError] = []

    package init() {}

    /// Does something with a setting; what it throws is gathered.
    package mutating func gather(_ body: () throws -> Void) {
        do {
            try body()
        } catch let problems as ConfigurationProblems {
            self.errors += problems.errors
        } catch let error as ConfigurationError {
            self.errors.append(error)
        } catch {
            self.errors.append(ConfigurationError("\(error)"))
        }
    }

    mutating func add(_ error: ConfigurationError) { self.errors.append(error) }

    /// Throws all of them, to be gathered by an outer mapping.
    package func throwAll() throws(ConfigurationProblems) {
        guard self.errors.isEmpty else { throw self }
    }

    /// Throws all of them as one, a line for each, in the order in which they stand in the file.
    package func throwAny() throws(ConfigurationError) {
        guard !self.errors.isEmpty else { return }
        let inOrder = self.errors.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }
        throw ConfigurationError(
            inOrder.map(\.element.reason).joined(separator: "\n"), isUsage: self.errors.contains(where: \.isUsage),
            line: inOrder[0].element.line)
    }
}
