/// A mapping in a list or under a name, as its table read it, with the places of what it says.
package struct SettingsEntry<Root: Sendable>: Sendable {
    package var values: Root
    /// The place of the whole.
    package let origin: ConfigurationOrigin
    /// The places of its settings that are said, by path within it.
    package var origins: [String: ConfigurationOrigin]
    /// The places of its mappings that are there, by path within it.
    package let sections: [String: ConfigurationOrigin]

    /// Paths of settings whose values could not be read.
    let unread: Set<String>

    /// - Parameter origins: the places of its settings that are said, by path within it.
    package init(
        _ values: Root, origin: ConfigurationOrigin, origins: [String: ConfigurationOrigin] = [:],
        sections: [String: ConfigurationOrigin] = [:]
    ) {
        self.init(values, origin: origin, origins: origins, sections: sections, unread: [])
    }

    init(
        _ values: Root, origin: ConfigurationOrigin, origins: [String: ConfigurationOrigin],
        sections: [String: ConfigurationOrigin], unread: Set<String>
    ) {
        self.unread = unread
        self.values = values
        self.origin = origin
        self.origins = origins
        self.sections = sections
    }

    /// Whether a setting could be read, with all below it, or is not said.
    package func isSound(_ path: String) -> Bool { SettingsReading<Root>.isSound(path, unread: self.unread) }

    /// A complaint about one of its settings, at the place of the whole when the setting is not said.
    package func error(_ reason: String, at path: String) -> ConfigurationError {
        (self.origins[path] ?? self.sections[path] ?? self.origin).error(reason)
    }
}
