import FoundationEssentials
import JWTKit
import MartletPush
import MartletService

extension JWTKey {
    /// Reads a public key in PEM (`PUBLIC KEY`, or a `CERTIFICATE` with an RSA key).
    ///
    /// - Parameter algorithm: `nil` for the default of the key: RS256, ES256, ES384, ES512 or EdDSA.
    /// - Throws: ``ServerError`` with the code `configuration`.
    package static func pem(_ pem: String, _ algorithm: JWTAlgorithmName?, name: String) async throws -> JWTKey {
        guard !pem.contains("PRIVATE KEY") else {
            throw ServerError(
                .configuration, reason: "\(name) holds a private key: this service needs the public one alone")
        }
        let key: JWTKey
        if let rsa = (try? Insecure.RSA.PublicKey(pem: pem)) ?? (try? Insecure.RSA.PublicKey(certificatePEM: pem)) {
            key = try await .rsa(rsa, algorithm ?? .rs256, id: nil)
        } else if let p256 = try? ES256PublicKey(pem: pem) {
            key = try await .p256(p256, id: nil)
        } else if let p384 = try? ES384PublicKey(pem: pem) {
            key = try await .p384(p384, id: nil)
        } else if let p521 = try? ES512PublicKey(pem: pem) {
            key = try await .p521(p521, id: nil)
        } else if let ed25519 = try? EdDSA.PublicKey(pem: pem) {
            key = try await .ed25519(ed25519, id: nil)
        } else {
            throw ServerError(
                .configuration,
                reason: "\(name) holds no public key in PEM: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519")
        }
        if let algorithm, algorithm != key.algorithm { throw Self.mismatch(algorithm, "the key in \(name)") }
        return key
    }

    /// Reads a JSON Web Key (RFC 7517, section 4; RFC 7518, section 6; RFC 8037).
    ///
    /// - Parameter mayBeSecret: whether a shared secret (`oct`) is accepted: not from a server.
    /// - Throws: ``JWKProblem`` with the reason for which the key cannot be used here.
    package static func jwk(_ jwk: JSONWebKey, mayBeSecret: Bool) async throws -> JWTKey {
        if let use = jwk.use, use != "sig" { throw JWKProblem("its use is \(use)") }
        if let operations = jwk.key_ops, !operations.contains("verify") { throw JWKProblem("it is not for verifying") }
        let stated = try jwk.alg.map { text in
            guard let algorithm = JWTAlgorithmName(rawValue: text) else { throw JWKProblem("its alg is \(text)") }
            return algorithm
        }
        let key: JWTKey
        switch (jwk.kty, jwk.crv) {
        case ("RSA", _):
            guard let modulus = jwk.n, let exponent = jwk.e else { throw JWKProblem("n and e are missing") }
            key = try await .rsa(.init(modulus: modulus, exponent: exponent), stated ?? .rs256, id: jwk.kid)
        case ("EC", "P-256"): key = try await .p256(.init(parameters: jwk.point), id: jwk.kid)
        case ("EC", "P-384"): key = try await .p384(.init(parameters: jwk.point), id: jwk.kid)
        case ("EC", "P-521"): key = try await .p521(.init(parameters: jwk.point), id: jwk.kid)
        case ("OKP", "Ed25519"):
            guard let x = jwk.x else { throw JWKProblem("x is missing") }
            key = try await .ed25519(.init(x: x, curve: .ed25519), id: jwk.kid)
        case ("oct", _) where mayBeSecret:
            guard let bytes = jwk.k.flatMap(Base64URL.decode) else { throw JWKProblem("k is missing") }
            key = try await .secret(Data(bytes), stated ?? .hs256, id: jwk.kid)
        case ("oct", _): throw JWKProblem("a shared secret does not come from a server")
        default: throw JWKProblem("its kind is \(jwk.kty) \(jwk.crv ?? "")")
        }
        if let stated, stated != key.algorithm { throw JWKProblem("its alg does not go with its kind") }
        return key
    }
}
