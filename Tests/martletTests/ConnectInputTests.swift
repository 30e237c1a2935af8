import MartletWebSocket
import NIOCore
import Testing

@testable import martlet

@Suite("Lines that are sent")
struct ConnectInputTests {
    private static func messages(_ lines: [String], _ format: ConnectInput.Format) async -> [WebSocketMessage] {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        for line in lines { continuation.yield(line) }
        continuation.finish()
        return await ConnectInput(format, lines: stream).messages.reduce(into: []) { $0.append($1) }
    }

    @Test("each line is a text")
    func text() async {
        #expect(await Self.messages(["a", "", " b ä"], .text) == [.text("a"), .text(""), .text(" b ä")])
    }

    @Test("each line is a binary message")
    func binary() async {
        #expect(
            await Self.messages(["a", "ä"], .binary) == [
                .binary(ByteBuffer(string: "a")), .binary(ByteBuffer(bytes: [0xC3, 0xA4])),
            ])
    }

    @Test("each line is base64, and one that is not is left out")
    func base64() async {
        #expect(
            await Self.messages(["AP8=", "nonsense!", "AP8", "", "YQ=="], .base64) == [
                .binary(ByteBuffer(bytes: [0x00, 0xFF])), .binary(ByteBuffer()), .binary(ByteBuffer(string: "a")),
            ])
    }
}
