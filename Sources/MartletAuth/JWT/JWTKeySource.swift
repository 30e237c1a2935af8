/// Where the keys of tokens come from.
package protocol JWTKeySource: Sendable {
    /// The keys, among them, if there is such a key, that with the id.
    ///
    /// - Throws: when there are none at the moment.
    func keys(for id: String?) async throws -> JWTKeySet

    /// A signature is of none of the keys that may have made it: they may have been exchanged without new names.
    ///
    /// - Returns: the keys as they are now; `nil` when there is nowhere to look, or somebody has looked just now.
    func renewedKeys() async -> JWTKeySet?
}

extension JWTKeySet: JWTKeySource {
    package func keys(for id: String?) async throws -> JWTKeySet { self }
    package func renewedKeys() async -> JWTKeySet? { nil }
}
