public import NIOCore

/// The body of `POST /push`: `{"userId":"…","event":"…","message":"…"}`.
///
/// Keys match without regard to case, the last of several applies, other keys are ignored, and all three strings must be
/// there and not empty. A user may be an integer, which stands for its digits. An event has at most 255 bytes and a user
/// 8 KiB: clients cannot subscribe to longer ones.
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
        guard let message = try? PushMessage(reading: json) else { return nil }
        self = message
    }

    /// - Throws: an error that names the field that is wrong.
    package init(reading json: ByteBuffer) throws(JSONError) {
        if let values = PlainStrings.read(json, names: ["userId", "event", "message"]) {
            self.init(user: values[0], event: values[1], message: values[2])
        } else {
            let fields = try JSONObject(json)
            self.init(
                user: try fields.identifier(.folded("userId")), event: try fields.string(.folded("event")),
                message: try fields.string(.folded("message")))
        }
        try self.channel.check(user: "userId")
    }
}
