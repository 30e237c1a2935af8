/// What carries an ``EventStreamSession`` to its client. Used on one event loop.
package protocol EventStreamSink: AnyObject {
    /// - Returns: whether the items were taken into the outbound queue.
    func send(_ items: EventStreamItems) -> Bool

    var transport: SessionTransport { get }

    var carrier: SessionCarrier? { get }

    /// Ends the connection because the back end said so.
    func drop()
}
