/// What a client may ask for, in either dialect.
enum PushLimits {
    /// Bytes of a token.
    static let tokenLength = 8 * 1024
    /// Bytes of an event's name.
    static let eventLength = 255
    /// Events that one client may hear.
    static let events = 128
}
