import MartletProtocol
import NIOCore

/// The message of a connection that has begun and not ended, as ``UnfinishedMessages`` watches over it.
protocol UnfinishedMessage: AnyObject {
    /// A number that changes whenever a message begins or a part of one is taken.
    var messageMark: UInt32 { get }
    /// Whether a message has begun and not ended, on a connection that is open.
    var isUnfinished: Bool { get }
    /// Whether it is this end that does not read.
    var isReadingPaused: Bool { get }
    /// The memory that it holds. Bytes.
    var heldBytes: Int { get }
    /// The bytes of it that have come.
    var receivedBytes: Int { get }
    /// The longest time that it may take; `nil` for any.
    var messageTimeout: TimeAmount? { get }
    /// The greatest size of a message. Bytes.
    var maximumMessageSize: Int { get }

    /// The message is no longer watched.
    func isForgotten()

    /// Ends the connection because of the message.
    func giveUp(_ code: CloseCode, reason: String)
}
