package import FoundationEssentials
import MartletPush

/// A set of keys, of which a token names one.
package struct JWTKeySet: Sendable {
    /// The number of keys that are read at most.
    package static let limit = 100

    private let keys: [JWTKey]
    /// The keys of a document that were not used, and why; for the log.
    package let problems: [String]
    /// Whether the keys were given one by one, without names: then they are for any name.
    private let isNameless: Bool

    package init(_ keys: [JWTKey]) {
        self.keys = keys
        self.isNameless = true
        self.problems = []
    }

    /// Reads a JWK set (RFC 7517, section 5). Keys that cannot be used are left out, as the RFC wants it.
    ///
    /// - Throws: ``JWKProblem`` when no key is left.
    package init(json: Data, mayHoldSecrets: Bool) async throws {
        guard case .array(let entries) = try? JSONObject(json)["keys"] else {
            throw JWKProblem("it is no JWK set: {\"keys\": [...]}")
        }
        var keys: [JWTKey] = []
        var problems: [String] = []
        for (index, entry) in entries.prefix(Self.limit).enumerated() {
            do {
                // A key that cannot be read does not hide the others.
                guard case .object(let members) = entry, let jwk = try? JSONWebKey(members) else {
                    throw JWKProblem("it is no key")
                }
                keys.append(try await .jwk(jwk, mayBeSecret: mayHoldSecrets))
            } catch {
                problems.append("key \(index + 1): \(error)")
            }
        }
        guard !keys.isEmpty else {
            throw JWKProblem("it holds no key that can be used (\(problems.joined(separator: "; ")))")
        }
        self.keys = keys
        self.isNameless = false
        self.problems = problems
    }

    package var count: Int { self.keys.count }

    /// The keys that may have signed a token.
    ///
    /// - Parameter id: the `kid` of the token. A key without an id is a candidate for every token. A token without a
    ///   `kid` is tried with all keys of its algorithm.
    package func candidates(_ algorithm: JWTAlgorithmName, id: String?) -> [JWTKey] {
        self.keys.filter { $0.algorithm == algorithm && (id == nil || Self.mayBe($0, id)) }
    }

    /// Whether there is a key of that name or without one, whatever its algorithm: a name is a hint (RFC 7515, section
    /// 4.1.4; RFC 7517, section 4.5).
    package func knows(_ id: String?) -> Bool {
        id == nil || self.isNameless || self.keys.contains { Self.mayBe($0, id) }
    }

    private static func mayBe(_ key: JWTKey, _ id: String?) -> Bool {
        key.id.map(ExactString.init) == id.map(ExactString.init) || key.id == nil
    }
}
