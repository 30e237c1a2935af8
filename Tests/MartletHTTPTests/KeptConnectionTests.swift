import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("Whether the client wants the connection to stay open")
struct KeptConnectionTests {
    private static func head(_ version: String, _ fields: [String]) throws -> HTTPRequestHead {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
        defer { _ = try? channel.finish() }
        let lines = ["GET / HTTP/\(version)", "Host: localhost"] + fields.map { "Connection: \($0)" } + ["", ""]
        try channel.writeInbound(ByteBuffer(string: lines.joined(separator: "\r\n")))
        var head: HTTPRequestHead?
        if case .head(let first) = try channel.readInbound(as: HTTPServerRequestPart.self) { head = first }
        return try #require(head)
    }

    /// ``RequestEndpoint`` relies on NIO's property, which costs nothing.
    @Test(
        "of HTTP/1.1 is what NIO says, however many fields there are",
        arguments: [
            [], ["keep-alive"], ["close"], ["keep-alive", "close"], ["close", "keep-alive"], ["x, close", "y"],
        ])
    func http11(fields: [String]) throws {
        let head = try Self.head("1.1", fields)
        let isKept = !fields.contains { $0.contains("close") }
        #expect(head.isKeepAlive == isKept && head.keepsConnection == isKept)
    }

    @Test("of HTTP/1.0 is no if it says close, whatever else it says")
    func http10() throws {
        for fields in [["keep-alive", "close"], ["close, keep-alive"], ["close"], []] {
            let head = try Self.head("1.0", fields)
            #expect(!head.keepsConnection)
        }
        let head = try Self.head("1.0", ["keep-alive"])
        #expect(head.keepsConnection)
    }
}
