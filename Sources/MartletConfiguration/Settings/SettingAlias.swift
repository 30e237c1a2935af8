/// An older way to say a setting, which still works and is told as a warning.
package struct SettingAlias: Sendable {
    /// The old key, dotted; `nil` when only the form of the value is old.
    package let path: String?
    /// A function that writes a text of the old form in the new one; it returns `nil` for one of the new form.
    let convert: @Sendable (String) -> String?

    /// An old key with values of today's form.
    package static func key(_ path: String) -> Self { Self(path: path) { _ in nil } }

    /// An old key whose values may be bare numbers of a unit: `30` for `30s`.
    package static func key(_ path: String, unit: String) -> Self {
        Self(path: path) { Double($0) == nil ? nil : $0 + unit }
    }

    /// The same, in a mapping.
    func under(_ prefix: String) -> Self { Self(path: self.path.map { prefix + $0 }, convert: self.convert) }

    /// Values of today's key that may be bare numbers of a unit: `20` for `20/s`.
    package static func bareNumber(unit: String) -> Self {
        Self(path: nil) { Double($0) == nil ? nil : $0 + unit }
    }
}
