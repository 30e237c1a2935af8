/// Who is told of publications by a ``Broker``: the hub of this node.
package protocol PublicationReceiver: AnyObject, Sendable {
    /// Called in the order of each channel's offsets. Nothing may be done here but to note it.
    ///
    /// - Returns: to be called once, when the broker's locks are free: the work itself.
    func receive(_ publication: Publication, in channel: UserChannel, receipt: PublishReceipt) -> (
        @Sendable () -> Void
    )?
}
