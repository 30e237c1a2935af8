@testable import MartletConfiguration

/// A configuration of a few lines, as the tests of this module read it.
enum ConfigurationReading {
    static func root(
        _ text: String, file: String = "a.yaml", flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> ConfigurationNode {
        try ConfigurationDocument(
            text: text, file: file, overrides: ConfigurationOverrides(flags: flags, environment: environment)
        ).root()
    }

    /// The value of `a`, the only key.
    static func value(
        _ text: String, flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> ConfigurationNode {
        try self.root(text, flags: flags, environment: environment).members(["a"]).required("a")
    }

    /// What is wrong with it, a line for each mistake; `nil` when nothing is.
    static func complaint(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
