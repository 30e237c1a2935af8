import FoundationEssentials
import Yams

/// A configuration: a file of YAML, or JSON, which is YAML as well, and the overrides that take precedence over it.
package struct ConfigurationDocument: Sendable {
    private let file: String
    private let text: String
    private let overrides: ConfigurationOverrides

    package init(text: String, file: String, overrides: ConfigurationOverrides = .none) {
        self.text = text
        self.file = file
        self.overrides = overrides
    }

    /// - Parameter path: `nil` for a configuration of overrides only.
    /// - Throws: what reading the file throws.
    package init(contentsOf path: String?, overrides: ConfigurationOverrides = .none) throws {
        let text = try path.map { try String(contentsOf: URL(filePath: $0), encoding: .utf8) }
        self.init(text: text ?? "{}", file: path ?? "", overrides: overrides)
    }

    /// The outermost mapping.
    package func root() throws(ConfigurationError) -> ConfigurationNode {
        let root: Node?
        do {
            root = try Yams.compose(yaml: self.text)
        } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
            throw ConfigurationError(
                "\(self.file):\(context.mark.line): \(duplicates.joined(separator: ", ")): twice in the mapping that begins here",
                line: context.mark.line)
        } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _)
        {
            throw ConfigurationError("\(self.file):\(mark.line): not valid YAML: \(problem)", line: mark.line)
        } catch {
            throw ConfigurationError("\(self.file): not valid YAML: \(error)")
        }
        guard let root else { throw ConfigurationError("\(self.file): it is empty") }
        return ConfigurationNode(root, path: "", place: .file(self.file), overrides: self.overrides, remarks: .init())
    }
}
