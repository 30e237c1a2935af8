/// Why a key of a set is not used.
struct JWKProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
