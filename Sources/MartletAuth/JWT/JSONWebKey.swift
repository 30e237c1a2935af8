package import JWTKit
package import MartletPush

/// A key as it is written in a set (RFC 7517, section 4). Names are those of the RFC.
package struct JSONWebKey: Sendable {
    package let kty: String
    package let kid: String?
    package let alg: String?
    package let use: String?
    package let key_ops: [String]?
    package let crv: String?
    package let n: String?
    package let e: String?
    package let x: String?
    package let y: String?
    package let k: String?

    /// - Throws: when a member is there and of another type.
    package init(_ members: JSONObject) throws(JSONError) {
        self.kty = try members.string(.exact("kty"))
        self.kid = try members.stringIfPresent(.exact("kid"))
        self.alg = try members.stringIfPresent(.exact("alg"))
        self.use = try members.stringIfPresent(.exact("use"))
        switch members["key_ops"] {
        case nil, .null: self.key_ops = nil
        case .array(let elements):
            var operations: [String] = []
            for element in elements {
                guard case .string(let text) = element else { throw JSONError("key_ops holds what is no string") }
                operations.append(text)
            }
            self.key_ops = operations
        default: throw JSONError("key_ops is no list")
        }
        self.crv = try members.stringIfPresent(.exact("crv"))
        self.n = try members.stringIfPresent(.exact("n"))
        self.e = try members.stringIfPresent(.exact("e"))
        self.x = try members.stringIfPresent(.exact("x"))
        self.y = try members.stringIfPresent(.exact("y"))
        self.k = try members.stringIfPresent(.exact("k"))
    }

    /// The public point on the elliptic curve, `x` and `y`.
    package var point: ECDSAParameters {
        get throws {
            guard let x = self.x, let y = self.y else { throw JWKProblem("x and y are missing") }
            return (x, y)
        }
    }
}
