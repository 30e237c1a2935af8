import Logging
import MartletAuth
import MartletPush
import Synchronization

/// The check of a route's tokens, whose keys are read once the whole configuration has been.
final class LateVerifier: Sendable {
    private let configuration: JWTConfiguration
    private let verifier = Mutex<JWTVerifier?>(nil)

    init(_ configuration: JWTConfiguration) { self.configuration = configuration }

    /// - Throws: ``ServerError``.
    func load(logger: Logger) async throws {
        let verifier = try await JWTVerifier(self.configuration, logger: logger)
        self.verifier.withLock { $0 = verifier }
    }

    func user(of token: String) async throws -> String? {
        try await self.verifier.withLock { $0 }?.user(of: token)?.id
    }
}
