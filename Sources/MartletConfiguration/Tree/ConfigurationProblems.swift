/// Gathers all mistakes of a configuration, so that they can be mended at once.
package struct ConfigurationProblems: Error {
    package private(set) var errors: [ConfigurationError] = []

    package init() {}

    package var isEmpty: Bool { self.errors.isEmpty }

    /// Runs a function; what it throws is gathered.
    package mutating func gather(_ body: () throws -> Void) {
        do { try body() } catch { self.add(any: error) }
    }

    package mutating func add(_ error: ConfigurationError) { self.errors.append(error) }

    private mutating func add(any error: any Error) {
        switch error {
        case let problems as ConfigurationProblems: self.errors += problems.errors
        case let error as ConfigurationError: self.errors.append(error)
        default: self.errors.append(ConfigurationError("\(error)"))
        }
    }

    /// Throws all of them, to be gathered by an outer mapping.
    package func throwAll() throws(ConfigurationProblems) {
        guard self.errors.isEmpty else { throw self }
    }

    /// Throws all of them as one, a line for each, in the order in which they stand in the file. It is of the kind `usage`
    /// when one of them is, and of the kind `file` when all are.
    package func throwAny() throws(ConfigurationError) {
        guard !self.errors.isEmpty else { return }
        let inOrder = self.errors.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }
        let kind: ConfigurationError.Kind =
            if self.errors.contains(where: { $0.kind == .usage }) {
                .usage
            } else {
                self.errors.allSatisfy { $0.kind == .file } ? .file : .configuration
            }
        throw ConfigurationError(
            inOrder.map(\.element.reason).joined(separator: "\n"), kind: kind, line: inOrder[0].element.line)
    }
}
