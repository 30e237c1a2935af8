/// Something is wrong with a setting; the reason names it and where it stands.
package struct ConfigurationError: Error, CustomStringConvertible {
    package let reason: String
    /// Whether what is wrong was said on the command line.
    package let isUsage: Bool
    /// Of the file, from 1; `nil` for what is said elsewhere.
    let line: Int?

    package init(_ reason: String, isUsage: Bool = false, line: Int? = nil) {
        self.reason = reason
        self.isUsage = isUsage
        self.line = line
    }

    package var description: String { self.reason }
}
