public import NIOCore

/// Limits towards clients.
public struct ClientConfiguration: Sendable, Hashable {
    /// The longest time from the connection, or the first byte of a request, to the end of its headers. Default: 10 s.
    public var headerTimeout: TimeAmount = .seconds(10)
    /// The longest time between two requests of a connection. Default: 60 s.
    public var keepAliveTimeout: TimeAmount = .seconds(60)
    /// The longest time without a byte of a request's body, or without room for the response's. Default: 60 s.
    public var bodyTimeout: TimeAmount = .seconds(60)
    /// Bytes of a request's line and headers together; beyond it 431. Default: 16 KiB.
    public var maximumHeaderSize = 16 * 1024
    /// Headers of a request; beyond it 431. Default: 100.
    public var maximumHeaderCount = 100

    public init() {}

    /// The same limits for the decoders.
    var httpLimits: HTTPLimits {
        var limits = HTTPLimits()
        limits.maximumHeaderSize = self.maximumHeaderSize
        limits.maximumHeaderCount = self.maximumHeaderCount
        return limits
    }
}
