package import FoundationEssentials

/// A set of keys, of which a token names one.
package struct JWTKeySet: Sendable {
    private struct Document: Decodable {
        /// A key that cannot be read is `nil`, and does not hide the others.
        struct Entry: Decodable {
            let key: JSONWebKey?
            init(from decoder: any Decoder) throws { self.key = try? JSONWebKey(from: decoder) }
        }

        let keys: [Entry]
    }

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
        guard let document = try? JSONDecoder().decode(Document.self, from: json) else {
            throw JWKProblem("it is no JWK set: {\"keys\": [...]}")
        }
        var keys: [JWTKey] = []
        var problems: [String] = []
        for (index, entry) in document.keys.prefix(Self.limit).enumerated() {
            do {
                guard let jwk = entry.key else { throw JWKProblem("it is no key") }
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
        self.keys.filter { $0.algorithm == algorithm && (id == nil || $0.id == nil || $0.id == id) }
    }

    /// Whether there is a key of that very name, whatever its algorithm.
    package func knows(_ id: String?) -> Bool { id == nil || self.isNameless || self.keys.contains { $0.id == id } }
}
