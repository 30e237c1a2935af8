/// Settings that take precedence over those of a file: from the command line, then from the environment.
///
/// A key has the same name everywhere: `limits.connectionRate` of a file is `--limits-connection-rate` on the command line
/// and `MARTLET_LIMITS_CONNECTION_RATE` in the environment. Several values of a list are separated by commas there.
package struct ConfigurationOverrides: Sendable {
    package static let none = ConfigurationOverrides(flags: [:], environment: [:])
    private static let prefix = "MARTLET"

    /// The values of the command line, by the path of the key.
    private let flags: [String: [String]]
    /// The variables with our prefix that are not empty.
    private let environment: [String: String]

    /// - Parameter flags: the values of the command line, by the path of the key.
    package init(flags: [String: [String]], environment: [String: String]) {
        self.flags = flags
        self.environment = environment.filter { $0.key.hasPrefix(Self.prefix + "_") && !$0.value.isEmpty }
    }

    /// The values of a key, and their place.
    func values(of path: String) -> (values: [String], place: ConfigurationPlace)? {
        if let values = self.flags[path] { return (values, .flag(Self.flag(of: path))) }
        let variable = Self.variable(of: path)
        guard let text = self.environment[variable] else { return nil }
        return ([text], .environment(variable))
    }

    /// Complaints about variables that no setting has, in alphabetical order.
    ///
    /// - Parameters:
    ///   - ignored: variables that are no settings of the command and no mistakes.
    ///   - command: the command whose `--help` lists the settings.
    func unknownVariables(
        known: [String], ignored: Set<String> = [], command: String
    ) -> [ConfigurationError] {
        let unknown = self.environment.filter {
            !known.contains($0.key) && !ignored.contains($0.key) && !Self.isServiceLink($0.key, $0.value)
        }
        return unknown.keys.sorted().map { name in
            let hint =
                Suggestion.name(for: Self.unprefixed(name), in: known.map(Self.unprefixed))
                .map { "did you mean \(Self.prefix)_\($0)?" }
                ?? "\(command) --help lists all settings"
            return ConfigurationOrigin(path: "", line: nil, place: .environment(name))
                .error("there is no such setting; \(hint)")
        }
    }

    private static func unprefixed(_ name: String) -> String { String(name.dropFirst(Self.prefix.count + 1)) }

    /// Whether Kubernetes or Docker made a variable of the address of another service whose name begins with ours:
    /// `MARTLET_SERVICE_HOST=10.0.0.1`, `MARTLET_PORT=tcp://10.0.0.1:8080`, `MARTLET_PORT_8080_TCP_ADDR=10.0.0.1`.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        let words = name.split(separator: "_")
        for (word, next) in zip(words, words.dropFirst()) {
            if word == "SERVICE", next == "HOST" || next == "PORT" { return true }
            if word == "PORT", Int(next) != nil { return true }
        }
        return words.last == "PORT" && value.contains("://")
    }

    /// Whether a variable is said.
    func hasVariable(_ name: String) -> Bool { self.environment[name] != nil }

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
