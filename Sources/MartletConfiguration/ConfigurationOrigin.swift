/// Which key a setting has and where it stands, to be kept for complaints that come later than the reading.
package struct ConfigurationOrigin: Sendable {
    /// Dotted: `routes[0].path`; empty for the whole of a file.
    package let path: String
    /// Of the file, from 1; `nil` for what is said elsewhere.
    package let line: Int?
    private let place: ConfigurationPlace

    init(path: String, line: Int?, place: ConfigurationPlace) {
        self.path = path
        self.line = line
        self.place = place
    }

    /// How much it counts: what the command line says more than the environment, and that more than a file.
    package var weight: Int {
        switch self.place {
        case .file: 0
        case .environment: Self.weightOfEnvironment
        case .flag: 2
        }
    }

    package static let weightOfEnvironment = 1

    package func error(_ reason: String) -> ConfigurationError {
        let key = self.path.isEmpty ? "" : "\(self.path): "
        switch self.place {
        case .file(""): return ConfigurationError("\(key)\(reason)")
        case .file(let file):
            return ConfigurationError(
                "\(file)\(self.line.map { ":\($0)" } ?? ""): \(key)\(reason)", line: self.line)
        case .environment(let name): return ConfigurationError("\(name): \(reason)")
        case .flag(let name): return ConfigurationError("\(name): \(reason)", isUsage: true)
        }
    }
}
