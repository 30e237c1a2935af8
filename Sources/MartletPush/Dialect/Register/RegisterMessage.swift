import NIOCore

/// A message of a client of the register dialect, as text or binary: `{"token":"…","event":"…"}`.
struct RegisterMessage: Hashable {
    /// The token; `nil` for a client that has none.
    let token: String?
    let event: String

    /// - Parameter needsToken: whether a message without a token is invalid.
    /// - Returns: `nil` when the message is not a JSON object with the two strings, neither empty nor too long.
    init?(json: ByteBuffer, needsToken: Bool = true) {
        guard let fields = try? JSONObject(json), let event = try? fields.string(.folded("event")),
            event.utf8.count <= PushLimits.eventLength
        else { return nil }
        // An invalid token is not the same as no token.
        guard fields[folded: "token"] != nil else {
            guard !needsToken else { return nil }
            self.token = nil
            self.event = event
            return
        }
        guard let token = try? fields.identifier(.folded("token")), token.utf8.count <= PushLimits.tokenLength else {
            return nil
        }
        self.token = token
        self.event = event
    }
}
