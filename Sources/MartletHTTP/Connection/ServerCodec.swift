package import NIOCore
package import NIOHTTP1

/// A `ServerCodec` is the HTTP/1.1 codec in the pipeline of a server's connection, whose decoder can be taken away and put back:
/// see ``ServerConnectionState`` for why and when.
package struct ServerCodec {
    package let encoder: HTTPResponseEncoder
    /// `nil` while it is taken away.
    private var decoder: ByteToMessageHandler<HTTPRequestDecoder>?
    private let limits: HTTPLimits
    /// The bytes that a removed decoder held.
    package private(set) var leftovers: [ByteBuffer] = []

    package init(limits: HTTPLimits, encoder: HTTPResponseEncoder = HTTPResponseEncoder()) {
        self.limits = limits
        self.encoder = encoder
        self.decoder = limits.makeDecoder()
    }

    /// Adds the codec, and behind it its user, to the end of a pipeline.
    package func install(on channel: any Channel, before user: any ChannelHandler) throws {
        var handlers: [any ChannelHandler] = [self.encoder]
        if let decoder = self.decoder { handlers.append(decoder) }
        try channel.pipeline.syncOperations.addHandlers(handlers + [user])
    }

    // The pipeline may call its user back at any time, who uses the codec: nothing below calls out.

    /// Takes the decoder, for its user to remove it from the pipeline. What it held comes to the user in the meantime, as bytes:
    /// see ``keep(_:)``.
    ///
    /// - Returns: `nil` when it has been taken already.
    package mutating func takeDecoder() -> ByteToMessageHandler<HTTPRequestDecoder>? {
        defer { self.decoder = nil }
        return self.decoder
    }

    /// Makes a decoder in the place of one that was taken, to be added behind ``encoder``.
    package mutating func makeDecoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
        let decoder = self.limits.makeDecoder()
        self.decoder = decoder
        return decoder
    }

    /// Whether what comes now is bytes: the decoder has been taken.
    package var isDecoderTaken: Bool { self.decoder == nil }

    /// Keeps what the decoder that was taken hands over.
    package mutating func keep(_ data: NIOAny) { self.leftovers.append(ByteReader().unwrapInboundIn(data)) }

    /// Bytes that the decoder held.
    package var leftoverLength: Int { self.leftovers.reduce(0) { $0 + $1.readableBytes } }

    /// - Returns: what the decoder held.
    package mutating func takeLeftovers() -> [ByteBuffer] {
        defer { self.leftovers = [] }
        return self.leftovers
    }
}
