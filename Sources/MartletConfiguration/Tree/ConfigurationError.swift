/// A mistake in a setting; the reason names the key and its place.
package struct ConfigurationError: Error, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// A mistake on the command line.
        case usage
        /// A mistake in a file or in the environment.
        case configuration
        /// A file that a setting names cannot be read.
        case file
    }

    package let reason: String
    package let kind: Kind
    /// The line of the file, from 1; `nil` for other places.
    let line: Int?

    package init(_ reason: String, kind: Kind = .configuration, line: Int? = nil) {
        self.reason = reason
        self.kind = kind
        self.line = line
    }

    /// The same mistake, of another kind.
    package func of(_ kind: Kind) -> Self { Self(self.reason, kind: kind, line: self.line) }

    package var description: String { self.reason }
}
