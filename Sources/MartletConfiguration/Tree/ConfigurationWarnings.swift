/// Gathers remarks about a configuration that are no mistakes, such as old names of keys.
final class ConfigurationWarnings {
    private(set) var texts: [String] = []

    func add(_ text: String) { self.texts.append(text) }
}
