import NIOCore

/// A message of a client of the register dialect, as text or binary: `{"token":"…","event":"…"}`.
struct RegisterMessage: Hashable {
    /// The token; `nil` for a client that has none.
    let token: String?
    let event: String

    /// - Parameter needsToken: whether a message without a token is invalid.
    /// - Returns: `nil` when the message is not a JSON object with the two strings, neither empty nor too long.
    init?(json: ByteBuffer, needsToken: Bool = true) {
        guard let fields = FoldedStrings(json: json), let event = fields["event"],
            event.utf8.count <= PushLimits.eventLength
        else { return nil }
        let token = fields["token"]
        // An invalid token is not the same as no token.
        guard token.map({ $0.utf8.count <= PushLimits.tokenLength }) ?? (!needsToken && !fields.contains("token"))
        else {
            return nil
        }
        self.token = token
        self.event = event
    }
}
