package import FoundationEssentials
package import JWTKit
package import MartletService

/// A key that tokens are checked with, and the one algorithm that it is for.
package struct JWTKey: Sendable {
    /// The id that tokens name (`kid`); `nil` for a key that was given alone, which is for all tokens of its algorithm.
    package let id: String?
    package let algorithm: JWTAlgorithmName
    private let key: any JWTAlgorithm

    /// - Throws: ``ServerError`` with the code `configuration` for a secret that is too short, or an algorithm of keys
    ///   of another kind.
    package static func secret(_ secret: Data, _ algorithm: JWTAlgorithmName, id: String? = nil) async throws -> JWTKey
    {
        guard secret.count >= algorithm.minimumSecretLength else {
            throw ServerError(
                .configuration,
                reason: "the secret of \(algorithm.rawValue) must have at least \(algorithm.minimumSecretLength) bytes"
                    + " (RFC 7518, section 3.2)")
        }
        let digest: DigestAlgorithm
        switch algorithm {
        case .hs256: digest = .sha256
        case .hs384: digest = .sha384
        case .hs512: digest = .sha512
        default: throw Self.mismatch(algorithm, "a shared secret")
        }
        return try await Self(id, algorithm) { await $0.add(hmac: HMACKey(from: secret), digestAlgorithm: digest) }
    }

    package static func rsa(_ key: Insecure.RSA.PublicKey, _ algorithm: JWTAlgorithmName, id: String?) async throws
        -> JWTKey
    {
        try await Self(id, algorithm) { keys in
            switch algorithm {
            case .rs256: await keys.add(rsa: key, digestAlgorithm: .sha256)
            case .rs384: await keys.add(rsa: key, digestAlgorithm: .sha384)
            case .rs512: await keys.add(rsa: key, digestAlgorithm: .sha512)
            case .ps256: await keys.add(pss: key, digestAlgorithm: .sha256)
            case .ps384: await keys.add(pss: key, digestAlgorithm: .sha384)
            case .ps512: await keys.add(pss: key, digestAlgorithm: .sha512)
            default: throw Self.mismatch(algorithm, "an RSA key")
            }
        }
    }

    package static func p256(_ key: ES256PublicKey, id: String?) async throws -> JWTKey {
        try await Self(id, .es256) { await $0.add(ecdsa: key) }
    }

    package static func p384(_ key: ES384PublicKey, id: String?) async throws -> JWTKey {
        try await Self(id, .es384) { await $0.add(ecdsa: key) }
    }

    package static func p521(_ key: ES512PublicKey, id: String?) async throws -> JWTKey {
        try await Self(id, .es512) { await $0.add(ecdsa: key) }
    }

    package static func ed25519(_ key: EdDSA.PublicKey, id: String?) async throws -> JWTKey {
        try await Self(id, .edDSA) { await $0.add(eddsa: key) }
    }

    /// Makes a collection of one key: jwt-kit's collections choose a key by what the token says, and fall back to the
    /// first.
    private init(
        _ id: String?, _ algorithm: JWTAlgorithmName, _ add: (JWTKeyCollection) async throws -> Void
    ) async throws {
        let keys = JWTKeyCollection()
        try await add(keys)
        self.id = id
        self.algorithm = algorithm
        self.key = try await keys.getKey()
    }

    /// Whether a signature was made with this key.
    package func isSignature(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        (try? self.key.verify(signature, signs: bytes)) ?? false
    }

    package static func mismatch(_ algorithm: JWTAlgorithmName, _ key: String) -> ServerError {
        ServerError(.configuration, reason: "\(algorithm.rawValue) is no algorithm of \(key)")
    }
}
