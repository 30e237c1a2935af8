/// A value that is right by itself, but not beside those of other settings.
package struct SettingMisuse: Error {
    let reason: String

    package init(_ reason: String) { self.reason = reason }
}
