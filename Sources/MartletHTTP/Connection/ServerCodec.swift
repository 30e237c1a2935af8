package import NIOCore
package import NIOHTTP1

/// A `ServerCodec` is the HTTP/1.1 codec in the pipeline of a server's connection. Its decoder can be taken away and
/// put back: see ``ServerConnectionState`` for why and when.
package struct ServerCodec {
    package let encoder: HTTPResponseEncoder
    /// The decoder; `nil` while it is taken away.
    private var decoder: ByteToMessageHandler<HTTPRequestDecoder>?
    private let limits: HTTPLimits
    /// The bytes that a removed decoder held.
    package private(set) var leftovers: [ByteBuffer] = []

    package init(limits: HTTPLimits, encoder: HTTPResponseEncoder = HTTPResponseEncoder()) {
        self.limits = limits
        self.encoder = encoder
        self.decoder = limits.makeDecoder()
    }

    /// Adds the codec, followed by its user, to the end of a pipeline.
    package func install(on channel: any Channel, before user: any ChannelHandler) throws {
        var handlers: [any ChannelHandler] = [self.encoder]
        if let decoder = self.decoder { handlers.append(decoder) }
        try channel.pipeline.syncOperations.addHandlers(handlers + [user])
    }

    // The pipeline may call its user at any time, and the user uses the codec: so nothing below calls out.

    /// Takes the decoder, so that its user can remove it from the pipeline. The bytes that it held come to the user
    /// meanwhile: see ``keep(_:)``.
    ///
    /// - Returns: `nil` if it has already been taken.
    package mutating func takeDecoder() -> ByteToMessageHandler<HTTPRequestDecoder>? {
        defer { self.decoder = nil }
        return self.decoder
    }

    /// Makes a new decoder to replace the one that was taken; it must be added after ``encoder``.
    package mutating func makeDecoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
        let decoder = self.limits.makeDecoder()
        self.decoder = decoder
        return decoder
    }

    /// Whether the input is bytes at the moment, because the decoder has been taken.
    package var isDecoderTaken: Bool { self.decoder == nil }

    /// Keeps the bytes that the taken decoder hands over.
    package mutating func keep(_ data: NIOAny) { self.leftovers.append(ByteReader().unwrapInboundIn(data)) }

    /// The number of bytes that the decoder held.
    package var leftoverLength: Int { self.leftovers.reduce(0) { $0 + $1.readableBytes } }

    /// - Returns: the bytes that the decoder held.
    package mutating func takeLeftovers() -> [ByteBuffer] {
        defer { self.leftovers = [] }
        return self.leftovers
    }
}
