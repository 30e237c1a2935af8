/// Settings that count more than those of a file: from the command line, then from the environment.
///
/// A key has the same name everywhere: `limits.connectionRate` of a file is `--limits-connection-rate` on the command line
/// and `MARTLET_LIMITS_CONNECTION_RATE` in the environment. Several values of a list are separated by commas there.
package struct ConfigurationOverrides: Sendable {
    package static let none = ConfigurationOverrides(flags: [:], environment: [:])
    private static let prefix = "MARTLET"

    /// By path.
    private let flags: [String: [String]]
    private let environment: [String: String]

    /// - Parameter flags: what the command line says, by the path of the key.
    package init(flags: [String: [String]], environment: [String: String]) {
        self.flags = flags
        self.environment = environment.filter { $0.key.hasPrefix(Self.prefix + "_") && !$0.value.isEmpty }
    }

    /// What is said of a key, and where.
    func values(of path: String) -> (values: [String], place: ConfigurationPlace)? {
        if let values = self.flags[path] { return (values, .flag(Self.flag(of: path))) }
        let variable = Self.variable(of: path)
        guard let text = self.environment[variable] else { return nil }
        return ([text], .environment(variable))
    }

    /// Whether anything is said of a key below this one.
    func hasMembers(of path: String) -> Bool {
        let variable = Self.variable(of: path) + "_"
        return self.flags.keys.contains { $0.hasPrefix(path + ".") }
            || self.environment.keys.contains { $0.hasPrefix(variable) }
    }

    package static func flag(of path: String) -> String {
        "--" + self.words(of: path).map { $0.lowercased() }.joined(separator: "-")
    }

    package static func variable(of path: String) -> String {
        ([Self.prefix] + self.words(of: path).map { $0.uppercased() }).joined(separator: "_")
    }

    private static func words(of path: String) -> [String] {
        var words: [String] = []
        for part in path.split(separator: ".") {
            words.append("")
            for character in part {
                if character.isUppercase { words.append("") }
                words[words.count - 1].append(character)
            }
        }
        return words
    }
}
