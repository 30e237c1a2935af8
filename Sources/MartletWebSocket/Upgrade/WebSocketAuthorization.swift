public import HTTPTypes

/// The decision of an `authorize` hook about an opening handshake.
public struct WebSocketAuthorization: Sendable {
    enum Decision: Sendable {
        case allow(HTTPFields)
        case refuse(HTTPResponse.Status, HTTPFields, reason: String)
        /// Serve it with this endpoint, whose origin policy and subprotocols then apply.
        case proceed(WebSocketEndpoint, HTTPFields)
    }

    let decision: Decision

    public static let allow = Self(decision: .allow([:]))

    /// - Parameter headerFields: headers to add to the 101 response, such as `Set-Cookie`.
    public static func allow(headerFields: HTTPFields) -> Self { Self(decision: .allow(headerFields)) }

    /// - Parameters:
    ///   - status: the status, usually 401 or 403.
    ///   - reason: sent to the client as the body, and logged.
    ///   - headerFields: headers to add to the answer, such as `WWW-Authenticate`, `Retry-After` or `Location`.
    public static func refuse(
        _ status: HTTPResponse.Status = .forbidden, reason: String, headerFields: HTTPFields = [:]
    ) -> Self {
        Self(decision: .refuse(status, headerFields, reason: reason))
    }

    /// Serves it with the endpoint that the hook has chosen; for adapters of routers.
    package static func proceed(with endpoint: WebSocketEndpoint, headerFields: HTTPFields) -> Self {
        Self(decision: .proceed(endpoint, headerFields))
    }
}
