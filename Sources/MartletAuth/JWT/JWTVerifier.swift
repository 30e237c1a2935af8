import FoundationEssentials
public import Logging
public import MartletPush
import Synchronization

/// Checks tokens that are JWTs (RFC 7519) signed as JWS (RFC 7515).
///
/// The token names its key, and the key says the algorithm. `sub` is the user's id; `exp`, `nbf`, `iss` and `aud` are
/// checked as ``JWTConfiguration`` says. What is not supported is refused: `crit`, encrypted tokens, `none`.
public final class JWTVerifier: Sendable {
    /// The longest token that is read; longer ones are refused. Bytes.
    package static let maximumTokenLength = 8 * 1024

    private struct Header {
        let alg: String
        let kid: String?
        let hasCritical: Bool

        init(_ json: [UInt8]) throws(JSONError) {
            let members = try JSONObject(json)
            self.alg = try members.string(.exact("alg"))
            self.kid = try members.stringIfPresent(.exact("kid"))
            self.hasCritical = members["crit"] != nil
        }
    }

    private let configuration: JWTConfiguration
    private let keys: Mutex<any JWTKeySource>
    private let logger: Logger
    /// Whether it was said that a token's time cannot be meant.
    private let hasWarned = Atomic(false)
    /// The current time, in seconds since 1970.
    private let now: @Sendable () -> Double

    /// - Throws: ``ServerError`` when a key cannot be read or used, or the settings contradict each other. Keys behind
    ///   a URL are fetched when the first token comes; a service that cannot be reached yet is no error.
    public convenience init(
        _ configuration: JWTConfiguration, logger: Logger = Logger(label: "martlet.jwt")
    ) async throws {
        try await self.init(configuration, logger: logger) { Date.now.timeIntervalSince1970 }
    }

    package init(
        _ configuration: JWTConfiguration, keys: (any JWTKeySource)? = nil, logger: Logger,
        now: @escaping @Sendable () -> Double
    ) async throws {
        self.configuration = configuration
        if let keys {
            self.keys = Mutex(keys)
        } else {
            self.keys = Mutex(try await configuration.keySource(logger: logger))
        }
        self.logger = logger
        self.now = now
    }

    /// Reads the keys from their file again.
    ///
    /// - Throws: ``ServerError``; then the previous keys stay in use.
    public func reloadKeys() async throws {
        guard self.configuration.keys.file != nil else { return }
        let keys = try await self.configuration.keySource(logger: self.logger)
        self.keys.withLock { $0 = keys }
    }

    /// The user of a token; `nil` when it is not valid.
    ///
    /// - Throws: when the keys are not available at the moment.
    public func user(of token: String) async throws -> PushUser? {
        switch try await self.check(token) {
        case .success(let user): return user
        case .failure(let refusal):
            self.logger.info("refused a JWT", metadata: ["reason": "\(refusal.rawValue)"])
            return nil
        }
    }

    package func check(_ token: String) async throws -> Result<PushUser, JWTRefusal> {
        guard token.utf8.count <= Self.maximumTokenLength else { return .failure(.tooLong) }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let headerBytes = Base64URL.decode(parts[0]),
            let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]),
            let header = try? Header(Array(headerBytes))
        else { return .failure(.malformed) }
        guard !header.hasCritical else { return .failure(.critical) }
        guard let algorithm = JWTAlgorithmName(rawValue: header.alg) else { return .failure(.algorithm) }
        let source = self.keys.withLock { $0 }
        let signed = Array(parts[0].utf8) + [UInt8(ascii: ".")] + Array(parts[1].utf8)
        func refusal(_ keys: JWTKeySet) -> JWTRefusal? {
            let candidates = keys.candidates(algorithm, id: header.kid)
            guard !candidates.isEmpty else { return keys.knows(header.kid) ? .algorithm : .unknownKey }
            return candidates.contains { $0.isSignature(signature, of: signed) } ? nil : .signature
        }
        var refused = refusal(try await source.keys(for: header.kid))
        if refused == .signature || refused == .algorithm, let renewed = await source.renewedKeys() {
            refused = refusal(renewed)
        }
        if let refused { return .failure(refused) }
        guard let claims = try? JWTClaims(json: Array(payload)) else {
            return .failure(.claims)
        }
        if claims.isExpiryImplausible, !self.hasWarned.exchange(true, ordering: .relaxed) {
            self.logger.warning(
                "a token's exp is thousands of years away: it counts seconds, not milliseconds",
                metadata: ["algorithm": "\(header.alg)"])
        }
        return claims.check(self.configuration, now: self.now())
    }
}
