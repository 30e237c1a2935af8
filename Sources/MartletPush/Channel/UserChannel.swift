/// The naming scheme of user channels: `alerts#42` carries the event `alerts` to the user `42`, and only that user may
/// subscribe to it. Two are the same when their names are, byte by byte.
public struct UserChannel: Sendable, Hashable, CustomStringConvertible {
    /// Bytes that would make a name ambiguous: the `#` between event and user, the separator of several users, and the
    /// escape character.
    private static let escaped = [UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "%")]

    public let user: String
    public let event: String

    public init(user: String, event: String) {
        self.user = user
        self.event = event
    }

    /// Reads a user channel from a name in the API of servers, such as `alerts#42`. The first `#` separates event and
    /// user: users may contain `#`, events may not. The user is taken as it stands.
    ///
    /// - Returns: `nil` for any other name, and for one that is too long for anybody to subscribe to.
    package init?(name: String) {
        guard let mark = name.utf8.firstIndex(of: UInt8(ascii: "#")), mark != name.startIndex else { return nil }
        self.init(user: String(name[name.utf8.index(after: mark)...]), event: String(name[..<mark]))
        guard self.isValid else { return nil }
    }

    /// Returns the event in a channel's name; the whole name if it is not a user channel.
    package static func event(of channel: ChannelName) -> String {
        guard let mark = channel.text.utf8.lastIndex(of: UInt8(ascii: "#")) else { return channel.text }
        return String(channel.text[..<mark])
    }

    /// The name of the channel. No two user channels have the same name: in the user `%23`, `%2C` and `%25` stand for
    /// `#`, `,` and `%`.
    public var name: ChannelName { ChannelName("\(self.event)#\(Self.escape(self.user))") }

    /// Whether a client may subscribe to it: no name is empty or too long.
    package var isValid: Bool {
        (1...PushLimits.eventLength).contains(self.event.utf8.count)
            && (1...PushLimits.tokenLength).contains(self.user.utf8.count)
    }

    /// - Throws: an error that names the field which is too long or empty.
    package func check(user name: String) throws(JSONError) {
        guard !self.event.isEmpty, self.event.utf8.count <= PushLimits.eventLength else {
            throw JSONError("event has 1 to \(PushLimits.eventLength) bytes")
        }
        guard !self.user.isEmpty, self.user.utf8.count <= PushLimits.tokenLength else {
            throw JSONError("\(name) has 1 to \(PushLimits.tokenLength) bytes")
        }
    }

    private static func escape(_ user: String) -> String {
        guard user.utf8.contains(where: { Self.escaped.contains($0) }) else { return user }
        var bytes: [UInt8] = []
        for byte in user.utf8 {
            switch byte {
            case UInt8(ascii: "#"): bytes += "%23".utf8
            case UInt8(ascii: ","): bytes += "%2C".utf8
            case UInt8(ascii: "%"): bytes += "%25".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.user.hasSameBytes(as: right.user) && left.event.hasSameBytes(as: right.event)
    }

    public func hash(into hasher: inout Hasher) {
        ExactString(self.user).hash(into: &hasher)
        ExactString(self.event).hash(into: &hasher)
    }

    public var description: String { "\(self.user)/\(self.event)" }
}
