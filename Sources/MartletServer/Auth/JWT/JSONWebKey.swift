import JWTKit

/// A key as it stands in a set (RFC 7517, section 4). Names are those of the RFC.
struct JSONWebKey: Decodable {
    let kty: String
    let kid: String?
    let alg: String?
    let use: String?
    let key_ops: [String]?
    let crv: String?
    let n: String?
    let e: String?
    let x: String?
    let y: String?
    let k: String?

    /// Of an elliptic curve.
    var point: ECDSAParameters {
        get throws {
            guard let x = self.x, let y = self.y else { throw JWKProblem("x and y are missing") }
            return (x, y)
        }
    }
}
