import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("The codec of a server's connection")
struct ServerCodecTests {
    /// The user of the codec: keeps what the decoder hands over, and notes everything else.
    private final class User: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart

        var codec: ServerCodec
        var parts: [HTTPServerRequestPart] = []
        var errors: [any Error] = []

        init(_ codec: ServerCodec) { self.codec = codec }

        var heads: [String] {
            self.parts.compactMap { if case .head(let head) = $0 { head.uri } else { nil } }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if self.codec.isDecoderTaken {
                self.codec.keep(data)
            } else {
                self.parts.append(self.unwrapInboundIn(data))
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.errors.append(error) }
    }

    private static func install(_ limits: HTTPLimits = HTTPLimits()) throws -> (EmbeddedChannel, User) {
        let channel = EmbeddedChannel()
        let user = User(ServerCodec(limits: limits))
        try user.codec.install(on: channel, before: user)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        return (channel, user)
    }

    private static func remove(_ channel: EmbeddedChannel, _ user: User) throws {
        let decoder = user.codec.takeDecoder()
        channel.pipeline.syncOperations.removeHandler(try #require(decoder), promise: nil)
        channel.embeddedEventLoop.run()
    }

    private static let request = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n"
    /// The decoder stops after it, and holds what follows.
    private static let upgrade = "GET /one HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    @Test("a decoder is taken once")
    func taken() {
        var codec = ServerCodec(limits: HTTPLimits())
        #expect(!codec.isDecoderTaken)
        let first = codec.takeDecoder()
        #expect(first != nil && codec.isDecoderTaken)
        #expect(codec.takeDecoder() == nil && codec.isDecoderTaken)
        let second = codec.makeDecoder()
        #expect(!codec.isDecoderTaken && second !== first)
        #expect(codec.takeDecoder() === second, "the one that was made is the one that is taken")
        #expect(codec.takeDecoder() == nil)
    }

    @Test("requests are decoded and answers encoded")
    func installed() throws {
        let (channel, user) = try Self.install()
        try channel.writeInbound(ByteBuffer(string: Self.request))
        #expect(user.heads == ["/one"])
        try channel.writeOutbound(HTTPServerResponsePart.head(.init(version: .http1_1, status: .noContent)))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        let answer = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(String(buffer: answer).hasPrefix("HTTP/1.1 204 No Content\r\n"))
        _ = try channel.finish()
    }

    @Test("what a decoder held comes to its user as bytes, and so does what comes later")
    func leftovers() throws {
        let (channel, user) = try Self.install()
        try channel.writeInbound(ByteBuffer(string: Self.upgrade + "first "))
        #expect(user.heads == ["/one"])
        #expect(user.codec.leftoverLength == 0 && user.codec.leftovers.isEmpty)
        try Self.remove(channel, user)
        #expect(user.codec.leftovers.map { String(buffer: $0) } == ["first "])
        try channel.writeInbound(ByteBuffer(string: "second"))
        #expect(user.codec.leftoverLength == 12)
        #expect(user.codec.takeLeftovers().map { String(buffer: $0) } == ["first ", "second"])
        #expect(user.codec.leftoverLength == 0 && user.codec.takeLeftovers().isEmpty, "they are given out once")
        #expect(user.heads == ["/one"] && user.errors.isEmpty)
        _ = try channel.finish()
    }

    @Test("a decoder that held nothing leaves nothing over")
    func noLeftovers() throws {
        let (channel, user) = try Self.install()
        try channel.writeInbound(ByteBuffer(string: Self.request))
        try Self.remove(channel, user)
        #expect(user.heads == ["/one"] && user.codec.leftoverLength == 0)
        _ = try channel.finish()
    }

    @Test("a new decoder reads on where the old one stopped")
    func replaced() throws {
        let (channel, user) = try Self.install()
        try channel.writeInbound(ByteBuffer(string: Self.upgrade + "GET /two HTTP/1.1\r\nHo"))
        #expect(user.heads == ["/one"])
        try Self.remove(channel, user)
        let operations = channel.pipeline.syncOperations
        let context = try operations.context(handlerType: HTTPResponseEncoder.self)
        #expect(context.handler === user.codec.encoder)
        try operations.addHandler(user.codec.makeDecoder(), position: .after(user.codec.encoder))
        for bytes in user.codec.takeLeftovers() { try channel.writeInbound(bytes) }
        try channel.writeInbound(ByteBuffer(string: "st: a\r\n\r\n"))
        #expect(user.heads == ["/one", "/two"] && user.errors.isEmpty)
        _ = try channel.finish()
    }

    @Test("each decoder has the same limits", arguments: [false, true])
    func limits(isReplaced: Bool) throws {
        var limits = HTTPLimits()
        limits.maximumHeaderCount = 2
        let (channel, user) = try Self.install(limits)
        if isReplaced {
            try Self.remove(channel, user)
            try channel.pipeline.syncOperations.addHandler(
                user.codec.makeDecoder(), position: .after(user.codec.encoder))
        }
        try channel.writeInbound(ByteBuffer(string: "GET /one HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n"))
        #expect(user.heads == ["/one"] && user.errors.isEmpty)
        try channel.writeInbound(ByteBuffer(string: "GET /two HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 2\r\n\r\n"))
        #expect(user.heads == ["/one"])
        let error = try #require(user.errors.first as? HTTPParserError)
        #expect(limits.refusal(of: error).status == .requestHeaderFieldsTooLarge)
        _ = try? channel.finish()
    }

    @Test("what no decoder can read is refused, and ends the connection")
    func refusals() {
        let limits = HTTPLimits()
        #expect(limits.refusal(of: .headerOverflow).status == .requestHeaderFieldsTooLarge)
        #expect(limits.refusal(of: .invalidHeaderToken).status == .badRequest)
        for error in [HTTPParserError.headerOverflow, .invalidHeaderToken, .invalidMethod] {
            #expect(!limits.refusal(of: error).mayStay)
        }
    }
}
