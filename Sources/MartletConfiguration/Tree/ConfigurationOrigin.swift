/// The key of a setting and its place, kept for complaints that come later than the reading.
package struct ConfigurationOrigin: Sendable {
    /// The key, dotted: `routes[0].path`; empty for the whole of a file.
    package let path: String
    /// The line of the file, from 1; `nil` for what is said elsewhere.
    package let line: Int?
    private let place: ConfigurationPlace

    init(path: String, line: Int?, place: ConfigurationPlace) {
        self.path = path
        self.line = line
        self.place = place
    }

    /// The rank of the place: the command line takes precedence over the environment, and that over a file.
    package var precedence: Int {
        switch self.place {
        case .file: 0
        case .environment: Self.precedenceOfEnvironment
        case .flag: 2
        }
    }

    package static let precedenceOfEnvironment = 1

    /// The place in a word or two.
    package var kindOfPlace: String {
        switch self.place {
        case .file: "file"
        case .environment: "environment"
        case .flag: "command line"
        }
    }

    package func error(_ reason: String) -> ConfigurationError { self.error(reason, joint: ": ") }

    /// The name that another key has at the same kind of place: an option, a variable, or the key itself.
    func name(of path: String) -> String {
        switch self.place {
        case .file: path
        case .environment: ConfigurationOverrides.variable(of: path)
        case .flag: ConfigurationOverrides.flag(of: path)
        }
    }

    /// - Parameter joint: what stands between the key and the reason.
    func error(_ reason: String, joint: String) -> ConfigurationError {
        let key = self.path.isEmpty ? "" : self.path + joint
        switch self.place {
        case .file(""): return ConfigurationError("\(key)\(reason)")
        case .file(let file):
            return ConfigurationError(
                "\(file)\(self.line.map { ":\($0)" } ?? ""): \(key)\(reason)", line: self.line)
        case .environment(let name): return ConfigurationError("\(name): \(reason)")
        case .flag(let name): return ConfigurationError("\(name): \(reason)", kind: .usage)
        }
    }
}
