/// A setting as documents, help and the command line show it.
package struct SettingDescription: Sendable {
    /// The key, dotted: `limits.pushRate`.
    package let path: String
    package let section: String
    package let help: String
    package let form: SettingForm
    /// The default as a file has it, or words for one that is no value.
    package let defaultText: String
    package let isLive: Bool
    package let isRequired: Bool
    /// Old keys that still work.
    package let oldPaths: [String]

    /// The option of the command line.
    package var flag: String { ConfigurationOverrides.flag(of: self.path) }
    /// The variable of the environment.
    package var variable: String { ConfigurationOverrides.variable(of: self.path) }

    /// Whether the option of the command line takes no value: what is false unless it is said.
    package var isFlag: Bool {
        if case .bool = self.form.kind { self.defaultText == "false" } else { false }
    }

    /// The setting, and all that are below it, each with its whole path: `routes[].path`.
    package func rows(prefix: String = "") -> [(path: String, setting: SettingDescription)] {
        let path = prefix + self.path
        let (members, suffix): ([SettingDescription], String) =
            switch self.form.kind {
            case .value, .list, .bool: ([], "")
            case .mapping(let members): (members, ".")
            case .mappings(let members): (members, "[].")
            case .namedMappings(let members): (members, ".NAME.")
            }
        return [(path, self)] + members.flatMap { $0.rows(prefix: path + suffix) }
    }
}
