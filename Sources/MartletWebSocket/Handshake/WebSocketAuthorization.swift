public import HTTPTypes

/// What an `authorize` hook decides about a handshake.
public struct WebSocketAuthorization: Sendable {
    enum Decision: Sendable {
        case allow(HTTPFields)
        case refuse(HTTPResponse.Status, reason: String)
    }

    let decision: Decision

    public static let allow = Self(decision: .allow([:]))

    /// - Parameter headerFields: added to the 101 answer, such as `Set-Cookie`.
    public static func allow(headerFields: HTTPFields) -> Self { Self(decision: .allow(headerFields)) }

    /// - Parameters:
    ///   - status: 401 or 403, most likely.
    ///   - reason: sent to the client as the body, and logged.
    public static func refuse(_ status: HTTPResponse.Status = .forbidden, reason: String) -> Self {
        Self(decision: .refuse(status, reason: reason))
    }
}
