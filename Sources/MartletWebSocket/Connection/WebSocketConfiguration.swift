public import MartletProtocol
public import NIOCore

/// How one connection behaves. Every default is safe to put on the open internet.
public struct WebSocketConfiguration: Sendable {
    /// Message size (default 1 MiB) and fragments a message (default 1,024).
    public var limits = MessageLimits()
    /// Compression of messages (permessage-deflate, RFC 7692). Default: `nil`, none: see `CompressionConfiguration`.
    public var compression: CompressionConfiguration?
    /// Longer messages are sent as several frames, so that pings and close frames get through. Bytes. Default: 16 KiB.
    public var fragmentSize: Int = PreparedMessage.defaultFragmentSize
    /// A ping is sent this often. Default: 20 s. `nil` sends none and never takes a peer for dead.
    public var pingInterval: TimeAmount? = .seconds(20)
    /// A peer from which no byte came for this long after a ping is dead. Default: 20 s.
    public var pingTimeout: TimeAmount = .seconds(20)
    /// The closing handshake, and the wait for the peer to end the TCP connection, take at most this long together.
    /// Default: 5 s.
    public var closeTimeout: TimeAmount = .seconds(5)
    /// Bytes that may wait for a peer that does not read, frame headers counted. A single larger message is taken
    /// when nothing else waits. Default: 64 KiB.
    public var outboundQueueLimit: Int = 64 * 1024
    /// What happens beyond ``outboundQueueLimit``. Default: ``OverflowPolicy/suspend``.
    public var overflowPolicy: OverflowPolicy = .suspend
    /// Bytes of received messages that may wait for ``WebSocketConnection/messages`` to be read before the socket is
    /// no longer read. Default: 64 KiB.
    public var inboundQueueLimit: Int = 64 * 1024
    /// Received messages that may wait; see ``inboundQueueLimit``. Default: 1,000.
    public var inboundQueueCount: Int = 1000

    public init() {}
}
