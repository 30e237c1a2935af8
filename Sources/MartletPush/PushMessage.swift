public import NIOCore

/// The body of `POST /push`: `{"userId":"…","event":"…","message":"…"}`.
///
/// Keys match without regard to case, other keys are ignored, and all three strings must be there and not empty. An
/// event has at most 255 bytes and a user 8 KiB: clients cannot subscribe to longer ones.
public struct PushMessage: Sendable, Hashable {
    public let channel: UserChannel
    /// The message; clients of the register dialect get it as one text message.
    public let message: String

    public init(user: String, event: String, message: String) {
        self.channel = UserChannel(user: user, event: event)
        self.message = message
    }

    /// - Returns: `nil` when the body is not as described above.
    public init?(json: ByteBuffer) {
        if let values = PlainStrings.read(json, names: ["userId", "event", "message"]) {
            self.init(user: values[0], event: values[1], message: values[2])
            guard self.channel.isValid else { return nil }
            return
        }
        guard let fields = FoldedStrings(json: json), let user = fields["userId"], let event = fields["event"],
            let message = fields["message"]
        else { return nil }
        self.init(user: user, event: event, message: message)
        guard self.channel.isValid else { return nil }
    }
}
