/// The node that a ``Broker`` hands publications to: its hub.
public protocol BrokerReceiver: AnyObject, Sendable {
    /// Takes a publication. Called in the order of each channel's offsets, and under no lock of the broker.
    func received(_ publication: Publication, in channel: ChannelName)

    /// Publications may be missing from here on, in channels that this node has subscribed to; the subscriptions are in
    /// force again. Subscribers look at the history, or are told of a gap.
    ///
    /// - Parameter channels: `nil` for all.
    func interrupted(_ channels: [ChannelName]?)
}
