/// A source of the keys of tokens.
package protocol JWTKeySource: Sendable {
    /// Returns the keys, with the one of that id among them if it exists.
    ///
    /// - Throws: when there are none at the moment.
    func keys(for id: String?) async throws -> JWTKeySet

    /// Renews the keys after a signature that fits none of the keys that may have made it: they may have been exchanged
    /// without new names.
    ///
    /// - Returns: the keys as they are now; `nil` when they cannot be renewed, or have been renewed just now.
    func renewedKeys() async -> JWTKeySet?
}

extension JWTKeySet: JWTKeySource {
    package func keys(for id: String?) async throws -> JWTKeySet { self }
    package func renewedKeys() async -> JWTKeySet? { nil }
}
