import NIOCore

/// What a client of the register dialect sends, as text or binary: `{"token":"…","event":"…"}`.
struct RegisterMessage: Hashable {
    let token: String
    let event: String

    /// - Returns: `nil` when the message is not a JSON object with the two strings, neither empty nor too long.
    init?(json: ByteBuffer) {
        guard let fields = FoldedStrings(json: json), let token = fields["token"], let event = fields["event"],
            token.utf8.count <= PushLimits.tokenLength, event.utf8.count <= PushLimits.eventLength
        else {
            return nil
        }
        self.token = token
        self.event = event
    }
}
