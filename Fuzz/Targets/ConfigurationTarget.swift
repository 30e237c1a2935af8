import MartletConfiguration
import MartletService

@testable import MartletProxy

/// The configuration file of the proxy, and the values that settings have: every error has a reason.
enum ConfigurationTarget {
    static func run(_ input: inout FuzzInput) {
        let text = input.text()
        do {
            _ = try ProxySettings.configuration(text: text, file: "a.yaml")
        } catch {
            FuzzTarget.check((error as? ServerError)?.reason.isEmpty == false, "an error says nothing: \(error)")
        }
        let root = ConfigurationDocument(text: text, file: "a.yaml")
        guard let node = try? root.root() else { return }
        _ = try? node.duration()
        _ = try? node.size()
        _ = try? node.strings()
        _ = try? node.string()
    }
}
