/// A setting with the value that is in force, as operators are shown it.
package struct SettingValue: Sendable, Hashable {
    /// The key, dotted: `limits.pushRate`.
    package let path: String
    /// The value as a file has it, or words for one that is no value.
    package let text: String
    /// The place where it was said: `file`, `environment` or `command line`; `nil` for a default.
    package let place: String?
    /// Whether a change is in force as soon as the file has changed.
    package let isLive: Bool

    package init(path: String, text: String, place: String?, isLive: Bool) {
        self.path = path
        self.text = text
        self.place = place
        self.isLive = isLive
    }

    /// Values that were read again, with those that wait for a restart taken from the ones in force.
    package static func keepingFixed(of old: [Self], in new: [Self]) -> [Self] {
        let fixed = Dictionary(old.filter { !$0.isLive }.map { ($0.path, $0) }) { first, _ in first }
        return new.map { fixed[$0.path] ?? $0 }
    }
}
