public import Logging
public import MartletPush
public import MartletService
public import NIOCore

/// A way to authenticate clients, and the files that are read again when they change.
public struct Authenticator: Sendable {
    public let authenticate: PushHooks.Authenticate
    public let files: [ReloadedFile]

    /// Returns an authenticator that uses a ``TokenFile``.
    ///
    /// - Throws: ``ServerError``.
    public static func tokens(file: String) throws -> Authenticator {
        let tokens = try TokenFile(contentsOf: file)
        return Authenticator(
            authenticate: { tokens.user(of: $0.token).map { PushUser($0) } },
            files: [ReloadedFile(file) { try tokens.reload(contentsOf: file) }])
    }

    /// Returns an authenticator for signed tokens.
    ///
    /// - Throws: ``ServerError``.
    public static func jwt(
        _ configuration: JWTConfiguration, logger: Logger = Logger(label: "martlet.jwt")
    ) async throws -> Authenticator {
        let verifier = try await JWTVerifier(configuration, logger: logger)
        return Authenticator(
            authenticate: { try await verifier.user(of: $0.token) },
            files: configuration.keys.file.map { file in
                [ReloadedFile(file) { try await verifier.reloadKeys() }]
            } ?? [])
    }

    /// Returns an authenticator that asks the back end: see ``AuthWebhook``.
    ///
    /// - Throws: ``ServerError``.
    public static func webhook(
        url: String, secret: String? = nil, timeout: TimeAmount = .seconds(5), cache: TimeAmount = .zero,
        logger: Logger = Logger(label: "martlet.auth")
    ) throws -> Authenticator {
        let webhook = try AuthWebhook(url: url, secret: secret, timeout: timeout, cache: cache, logger: logger)
        return Authenticator(
            authenticate: { try await webhook.user(of: $0) }, files: [])
    }
}
