/// The place of a session among the subscribers of a channel.
struct SubscriberPlace: Hashable {
    /// The number of its encoding's group; ``individual`` for a session that is asked each time.
    var group: Int32
    var index: Int32

    static let individual: Int32 = -1
}
