public import MartletProtocol
public import NIOCore

/// The settings of one connection. Every default is safe on the open internet.
public struct WebSocketConfiguration: Sendable {
    /// The limits on the size of a message (default 1 MiB) and on its fragments (default 1,024).
    public var limits = MessageLimits()
    /// The compression of messages (permessage-deflate, RFC 7692). Default: `nil`, none: see
    /// `CompressionConfiguration`.
    public var compression: CompressionConfiguration?
    /// The size in bytes beyond which a message is sent as several frames, so that pings and close frames can come
    /// between. Default: 16 KiB.
    public var fragmentSize: Int = PreparedMessage.defaultFragmentSize
    /// The interval between pings. Default: 20 s. With `nil`, no pings are sent, and no peer is considered dead.
    public var pingInterval: TimeAmount? = .seconds(20)
    /// The time after a ping within which a byte must arrive; otherwise the peer is considered dead. Default: 20 s.
    public var pingTimeout: TimeAmount = .seconds(20)
    /// The time that a message may take from its first byte to its last, or between two parts that are taken from it as
    /// they come; longer if at least 16 KiB a second come. Beyond it the connection is closed with 1008. Default: 60 s;
    /// `nil` for no limit.
    public var messageTimeout: TimeAmount? = .seconds(60)
    /// The time limit for the closing handshake and the peer's end of the TCP connection together. Default: 5 s.
    public var closeTimeout: TimeAmount = .seconds(5)
    /// The most bytes that may wait for a peer that does not read, including frame headers. A single larger message is
    /// taken if nothing else waits. Default: 64 KiB.
    public var outboundQueueLimit: Int = 64 * 1024
    /// The policy for messages beyond ``outboundQueueLimit``. Default: ``OverflowPolicy/suspend``.
    public var overflowPolicy: OverflowPolicy = .suspend
    /// The most bytes of received messages that may wait to be read from ``WebSocketConnection/messages`` before the
    /// socket is no longer read. Default: 64 KiB.
    public var inboundQueueLimit: Int = 64 * 1024
    /// The most received messages that may wait; see ``inboundQueueLimit``. Default: 1,000.
    public var inboundQueueCount: Int = 1000

    public init() {}
}
