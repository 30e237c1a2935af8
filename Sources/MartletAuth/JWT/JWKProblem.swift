/// The reason for which a key of a set is not used.
package struct JWKProblem: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
