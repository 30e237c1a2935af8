/// The values that a table of settings read, with all that is wrong.
package struct SettingsReading<Root: Sendable>: Sendable {
    package var values: Root
    /// The place of the whole.
    package let origin: ConfigurationOrigin
    /// The places of the settings that are said, by path.
    package internal(set) var origins: [String: ConfigurationOrigin] = [:]
    /// The places of mappings that are there, by path.
    package internal(set) var sections: [String: ConfigurationOrigin] = [:]
    package var problems = ConfigurationProblems()
    /// Old ways in which settings are said, with their places.
    package var warnings: [String] = []
    /// Paths of settings whose values could not be read.
    var unread: Set<String> = []

    init(values: Root, origin: ConfigurationOrigin) {
        self.values = values
        self.origin = origin
    }

    /// A complaint about a setting that is not there.
    ///
    /// - Parameter other: what would do in its place.
    package func missing(_ path: String, or other: String) -> ConfigurationError {
        self.origin.error("\(path) is missing, or \(other)")
    }

    /// Whether a setting could be read, with all below it, or is not said.
    package func isSound(_ path: String) -> Bool { Self.isSound(path, unread: self.unread) }

    static func isSound(_ path: String, unread: Set<String>) -> Bool {
        !unread.contains { $0 == path || $0.isEmpty || $0.hasPrefix(path + ".") || path.hasPrefix($0 + ".") }
    }
}
