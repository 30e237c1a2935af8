import NIOCore

/// What a client of the register dialect sends, as text or binary: `{"token":"…","event":"…"}`.
struct RegisterMessage: Hashable {
    /// `nil` for a client that has none.
    let token: String?
    let event: String

    /// - Parameter needsToken: whether a message without a token is none.
    /// - Returns: `nil` when the message is not a JSON object with the two strings, neither empty nor too long.
    init?(json: ByteBuffer, needsToken: Bool = true) {
        guard let fields = FoldedStrings(json: json), let event = fields["event"],
            event.utf8.count <= PushLimits.eventLength
        else { return nil }
        let token = fields["token"]
        // A token that is none is not the same as no token.
        guard token.map({ $0.utf8.count <= PushLimits.tokenLength }) ?? (!needsToken && !fields.contains("token"))
        else {
            return nil
        }
        self.token = token
        self.event = event
    }
}
