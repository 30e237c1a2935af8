package import JWTKit

/// A key as it is written in a set (RFC 7517, section 4). Names are those of the RFC.
package struct JSONWebKey: Decodable {
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

    /// The public point on the elliptic curve, `x` and `y`.
    package var point: ECDSAParameters {
        get throws {
            guard let x = self.x, let y = self.y else { throw JWKProblem("x and y are missing") }
            return (x, y)
        }
    }
}
