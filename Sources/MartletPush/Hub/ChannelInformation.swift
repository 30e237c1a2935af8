/// The description of a channel for an operator: its subscribers on one event loop.
package struct ChannelInformation: Sendable, Hashable {
    package let name: ChannelName
    package let subscribers: Int
    /// The offset of the last publication; `nil` if none was handed out yet, and without a history.
    package let offset: UInt64?

    package init(name: ChannelName, subscribers: Int, offset: UInt64?) {
        self.name = name
        self.subscribers = subscribers
        self.offset = offset
    }
}
