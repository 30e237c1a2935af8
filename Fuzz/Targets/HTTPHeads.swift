import NIOCore
import NIOEmbedded
import NIOHTTP1

/// The heads that NIO's decoders read from bytes.
enum HTTPHeads {
    /// The first request's head.
    static func request(_ bytes: [UInt8]) -> HTTPRequestHead? {
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
        guard case .head(let head) = Self.first(HTTPServerRequestPart.self, EmbeddedChannel(handler: decoder), bytes)
        else { return nil }
        return head
    }

    /// The first answer's head.
    static func response(_ bytes: [UInt8]) -> HTTPResponseHead? {
        let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes))
        let channel = EmbeddedChannel(handler: decoder)
        // The decoder wants to know what is answered.
        let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
        _ = try? channel.writeOutbound(HTTPClientRequestPart.head(request))
        guard case .head(let head) = Self.first(HTTPClientResponsePart.self, channel, bytes) else { return nil }
        return head
    }

    private static func first<Part>(_ part: Part.Type, _ channel: EmbeddedChannel, _ bytes: [UInt8]) -> Part? {
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        return try? channel.readInbound(as: Part.self)
    }

    /// Splits bytes behind the empty line that ends the first head.
    static func split(_ bytes: [UInt8]) -> (head: [UInt8], rest: [UInt8]) {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { return (bytes, []) }
        return (Array(bytes[..<end]), Array(bytes[end...]))
    }
}
