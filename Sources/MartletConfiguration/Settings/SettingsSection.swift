/// Settings that stand together in help and documents.
package struct SettingsSection<Root: Sendable>: Sendable {
    package let title: String
    package let settings: [Setting<Root>]

    package init(_ title: String, _ settings: [Setting<Root>]) {
        self.title = title
        self.settings = settings
    }

    /// The same section, of something that has the root as a part.
    package func at<Whole>(_ part: WritableKeyPath<Whole, Root> & Sendable) -> SettingsSection<Whole> {
        SettingsSection<Whole>(self.title, self.settings.map { $0.at(part) })
    }
}
