public import HTTPTypes

/// What an `authorize` hook decides about a handshake.
public struct WebSocketAuthorization: Sendable {
    enum Decision: Sendable {
        case allow(HTTPFields)
        case refuse(HTTPResponse.Status, HTTPFields, reason: String)
        /// Serve it with this endpoint, whose origin policy and subprotocols count then.
        case proceed(WebSocketEndpoint, HTTPFields)
    }

    let decision: Decision

    public static let allow = Self(decision: .allow([:]))

    /// - Parameter headerFields: added to the 101 answer, such as `Set-Cookie`.
    public static func allow(headerFields: HTTPFields) -> Self { Self(decision: .allow(headerFields)) }

    /// - Parameters:
    ///   - status: 401 or 403, most likely.
    ///   - reason: sent to the client as the body, and logged.
    ///   - headerFields: added to the answer, such as `WWW-Authenticate`, `Retry-After` or `Location`.
    public static func refuse(
        _ status: HTTPResponse.Status = .forbidden, reason: String, headerFields: HTTPFields = [:]
    ) -> Self {
        Self(decision: .refuse(status, headerFields, reason: reason))
    }

    /// Leaves the choice of the endpoint to the hook: for adapters of routers.
    package static func proceed(with endpoint: WebSocketEndpoint, headerFields: HTTPFields) -> Self {
        Self(decision: .proceed(endpoint, headerFields))
    }
}
