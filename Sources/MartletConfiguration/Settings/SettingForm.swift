/// The shape of a setting's value: what documents, help and the command line need to know of its type.
package struct SettingForm: Sendable {
    package enum Kind: Sendable {
        /// A single value.
        case value
        /// A list of values; on the command line the option is given several times, in the environment commas separate.
        case list
        /// The words `true` and `false`.
        case bool
        /// A mapping with keys of its own.
        case mapping([SettingDescription])
        /// A list of such mappings.
        case mappings([SettingDescription])
        /// A mapping of names to such mappings.
        case namedMappings([SettingDescription])
    }

    package let kind: Kind
    /// One word for the value: `time`.
    package let name: String
    /// A text that is valid.
    package let example: String

    package init(_ name: String, example: String, kind: Kind = .value) {
        self.kind = kind
        self.name = name
        self.example = example
    }

    /// Whether the value can be said on a command line and in the environment.
    package var isPlain: Bool {
        switch self.kind {
        case .value, .list, .bool: true
        case .mapping, .mappings, .namedMappings: false
        }
    }
}
