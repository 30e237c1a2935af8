/// A broker numbers publications, keeps a history of each channel, and hands publications to the nodes that have
/// subscribed.
///
/// ``MemoryBroker`` serves one process. What every broker promises, and the suite of tests checks of each:
/// - Publications of a channel are received in the order of their offsets, each once.
/// - Once a subscription is confirmed, every later publication of the channel is received, until it is given up, or
///   until ``BrokerReceiver/interrupted(_:)`` tells that some may be missing. After that it is in force again.
/// - Every completion is called once, on any thread, perhaps before the call returns, and never under a lock. A broker
///   that asks another process may leave one out or call it late: the service waits no longer than its own time limit.
/// - Calls for one channel take effect in the order in which they are made.
public protocol Broker: AnyObject, Sendable {
    /// Gives the broker its receiver, which it holds weakly. Called once, before anything else.
    func attach(_ receiver: any BrokerReceiver)

    /// Runs the broker: its connections, and what is due from time to time. Returns when its task is cancelled.
    ///
    /// - Throws: when the broker can never work, because its settings are wrong for instance.
    func run() async throws

    /// Publishes. The publication carries `receipt` when it is received.
    ///
    /// - Parameter completion: gets the position; `nil` in a channel without history. Where the publication is received
    ///   on this node it may come before or after.
    func publish(
        _ data: String, to channel: ChannelName, receipt: ReceiptID,
        completion: @escaping @Sendable (Result<StreamPosition?, BrokerError>) -> Void)

    /// Subscribes this node to a channel. The hub asks once for each channel, for all of its sessions.
    ///
    /// After an error it is asked for again, without being given up in between.
    ///
    /// - Parameter completion: gets `nil` once the subscription is in force.
    func subscribe(to channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void)

    /// Gives a subscription up, also one that is not confirmed yet. Publications that are still received are ignored.
    func unsubscribe(from channel: ChannelName)

    /// Reads the history of a channel.
    ///
    /// - Parameter position: `nil` for the position of the channel, and no publications. A broker whose epochs end with
    ///   its process takes ``StreamPosition/beginning(after:)`` of the process before for the one before its first
    ///   publication; for others it is an unknown epoch.
    func history(
        of channel: ChannelName, since position: StreamPosition?,
        completion: @escaping @Sendable (Result<History, BrokerError>) -> Void)

    /// Forgets the history of a channel; its offsets go on.
    func removeHistory(of channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void)

    /// Whether a call is answered before it returns, and a publication received before it is confirmed: nothing can be
    /// late.
    var isInProcess: Bool { get }
}
