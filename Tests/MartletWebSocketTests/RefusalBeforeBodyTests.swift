import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletWebSocket

@Suite("A request whose client waits with its body")
struct RefusalBeforeBodyTests {
    /// Answers each request when it has ended, or later.
    private final class HTTPSide: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        var answersLater = false
        private var context: ChannelHandlerContext?

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }
        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .end = self.unwrapInboundIn(data), !self.answersLater { self.answer() }
        }

        func answer() {
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": "0"])
            self.context?.write(self.wrapOutboundOut(.head(head)), promise: nil)
            self.context?.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    private struct Connection {
        let channel = EmbeddedChannel()
        let side = HTTPSide()

        init() throws {
            let side = self.side
            let endpoint = WebSocketEndpoint { _, _ in RecordingHandler.echoing() }
            let handler = WebSocketUpgradeHandler(limits: HTTPLimits(), isSecure: false, logger: Loopback.quiet) {
                WebSocketRequest.path(of: $0) == "/ws" ? endpoint : nil
            } installHTTPSide: { channel in
                try channel.pipeline.syncOperations.addHandler(side)
                return .init(removableHandlers: [side])
            }
            try handler.install(on: self.channel)
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func send(_ lines: String...) throws {
            let text = (lines + ["", ""]).joined(separator: "\r\n")
            _ = try? self.channel.writeInbound(ByteBuffer(string: text))
        }

        func output() throws -> String {
            self.channel.embeddedEventLoop.run()
            var output = ""
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { output += String(buffer: bytes) }
            return output
        }
    }

    struct Request: Sendable {
        let target: String
        let host: String
        let status: Int

        init(_ target: String, _ host: String, _ status: Int) {
            self.target = target
            self.host = host
            self.status = status
        }
    }

    @Test(
        "is refused at once, also after a request of the HTTP side",
        arguments: [Request("/ws", "localhost", 405), Request("/other", "a b", 400)], [0, 1])
    func atOnce(_ request: Request, before: Int) throws {
        let connection = try Connection()
        for _ in 0..<before {
            try connection.send("GET /healthz HTTP/1.1", "Host: localhost")
            #expect(try connection.output().hasPrefix("HTTP/1.1 200 "))
        }
        try connection.send(
            "POST \(request.target) HTTP/1.1", "Host: \(request.host)", "Expect: 100-continue", "Content-Length: 5")
        #expect(try connection.output().hasPrefix("HTTP/1.1 \(request.status) "))
    }

    @Test("is told to send it when its own time has passed, not that of the request before")
    func ownTime() throws {
        let connection = try Connection()
        let head = ["POST /other HTTP/1.1", "Host: localhost", "Expect: 100-continue", "Content-Length: 0"]
        try connection.send(head.joined(separator: "\r\n"))
        #expect(try connection.output().hasPrefix("HTTP/1.1 200 "))
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(30))
        try connection.send("POST /other HTTP/1.1", "Host: localhost", "Expect: 100-continue", "Content-Length: 5")
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(30))
        #expect(try connection.output().isEmpty)
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(30))
        #expect(try connection.output().hasPrefix("HTTP/1.1 100 "))
        _ = try? connection.channel.finish()
    }

    @Test("is refused as soon as the request before it has been answered")
    func afterAnswer() throws {
        let connection = try Connection()
        connection.side.answersLater = true
        try connection.send("GET /healthz HTTP/1.1", "Host: localhost")
        try connection.send("POST /ws HTTP/1.1", "Host: localhost", "Expect: 100-continue", "Content-Length: 5")
        #expect(try connection.output().isEmpty)
        connection.side.answer()
        let answers = try connection.output()
        #expect(answers.hasPrefix("HTTP/1.1 200 ") && answers.contains("HTTP/1.1 405 "), "\(answers)")
    }
}
