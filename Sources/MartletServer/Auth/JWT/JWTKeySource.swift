/// Where the keys of tokens come from.
protocol JWTKeySource: Sendable {
    /// The keys, among them, if there is such a key, that with the id.
    ///
    /// - Throws: when there are none at the moment.
    func keys(for id: String?) async throws -> JWTKeySet
}

extension JWTKeySet: JWTKeySource {
    func keys(for id: String?) async throws -> JWTKeySet { self }
}
