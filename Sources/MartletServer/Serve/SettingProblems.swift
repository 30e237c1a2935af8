import MartletConfiguration

/// Gathers what is wrong with settings that could be read, with their keys and where they stand.
struct SettingProblems {
    private let origins: [String: ConfigurationOrigin]
    private var problems: [(line: Int, error: ServerError)] = []

    /// - Parameter origins: of the settings, by path.
    init(_ origins: [String: ConfigurationOrigin]) { self.origins = origins }

    var isEmpty: Bool { self.problems.isEmpty }

    /// Does something with a setting; what it throws is gathered.
    ///
    /// - Parameter key: its path; or a variable's name, for what only the environment says.
    mutating func gather(_ key: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch let error as ServerError {
            self.add(error, at: key)
        } catch {
            self.add(ServerError(.configuration, reason: "\(error)"), at: key)
        }
    }

    mutating func add(_ error: ServerError, at key: String) {
        let origin = self.origins[key]
        let reason = origin.map { $0.error(error.description).reason } ?? "\(key): \(error)"
        self.problems.append((origin?.line ?? 0, ServerError(error.code, reason: reason)))
    }

    /// Throws all of them as one, a line for each, in the order in which they stand in the file.
    func throwAny() throws(ServerError) {
        guard let first = self.problems.first else { return }
        let inOrder = self.problems.enumerated().sorted {
            ($0.element.line, $0.offset) < ($1.element.line, $1.offset)
        }
        let isOfOneKind = self.problems.allSatisfy { $0.error.code == first.error.code }
        throw ServerError(
            isOfOneKind ? first.error.code : .configuration,
            reason: inOrder.map(\.element.error.reason).joined(separator: "\n"))
    }
}
