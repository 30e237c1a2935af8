/// A secret that only the environment holds, beside the settings.
package struct SecretVariable: Sendable {
    package let name: String
    package let help: String

    package init(_ name: String, _ help: String) {
        self.name = name
        self.help = help
    }
}
