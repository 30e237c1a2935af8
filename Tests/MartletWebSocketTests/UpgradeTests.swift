import HTTPTypes
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletWebSocket

@Suite("Upgrade")
struct UpgradeTests {
    /// A server connection without a socket: bytes in, bytes out.
    private struct Connection {
        let channel = EmbeddedChannel()

        init(_ change: (inout WebSocketEndpoint) -> Void = { _ in }) throws {
            var endpoint = WebSocketEndpoint { _, _ in RecordingHandler.echoing() }
            change(&endpoint)
            let handler = WebSocketUpgradeHandler(
                limits: HTTPLimits(), isSecure: false, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { [endpoint] in WebSocketRequest.path(of: $0) == "/ws" ? endpoint : nil }
            try handler.install(on: self.channel)
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func send(_ text: String, _ frames: ByteBuffer = ByteBuffer()) throws -> String {
            var bytes = ByteBuffer(string: text.replacing("\n", with: "\r\n"))
            bytes.writeImmutableBuffer(frames)
            _ = try? self.channel.writeInbound(bytes)
            self.channel.embeddedEventLoop.run()
            return try self.output()
        }

        func output() throws -> String {
            var output = ""
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { output += String(buffer: bytes) }
            return output
        }
    }

    private static let good = """
        GET /ws HTTP/1.1
        Host: localhost
        Upgrade: websocket
        Connection: Upgrade
        Sec-WebSocket-Version: 13
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==


        """

    private static func changed(_ old: String, _ new: String) -> String { self.good.replacing(old, with: new) }

    @Test("a frame glued to the handshake is answered")
    func gluedFrame() throws {
        let connection = try Connection()
        let output = try connection.send(Self.good, Peer.text("hi"))
        #expect(output.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(output.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        #expect(output.hasSuffix("\u{81}\u{02}hi") || output.utf8.suffix(2).elementsEqual("hi".utf8))
    }

    @Test(
        "a refused request gets its status, and the next on the same connection may upgrade",
        arguments: [
            ("GET /ws", "POST /ws", 405), ("Upgrade: websocket", "Upgrade: h2c", 400),
            ("Connection: Upgrade", "Connection: close", 400),
            ("Host: localhost", "Host: localhost\nOrigin: http://evil.org", 403), ("Version: 13", "Version: 7", 426),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X: y", 400),
            ("Upgrade: websocket\nConnection: Upgrade\n", "", 400),
            ("Version: 13", "Version: 13\nContent-Length: 3\n\nabc\nX: y", 400),
        ])
    func refusals(_ old: String, _ new: String, _ status: Int) throws {
        let connection = try Connection()
        let request = Self.changed(old, new)
        let output = try connection.send(
            status == 400 && new.contains("abc")
                ? request.replacing("abc\nX: y\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n", with: "abc") : request
        )
        #expect(output.hasPrefix("HTTP/1.1 \(status) "), "\(output)")
        #expect(output.contains("Content-Length: "))
        if status == 426 { #expect(output.contains("Sec-WebSocket-Version: 13")) }
        if new == "Connection: close" {
            #expect(output.contains("Connection: close"))
        } else {
            #expect(try connection.send(Self.good).hasPrefix("HTTP/1.1 101 "), "the connection lives on")
        }
    }

    @Test("a refused handshake with the next one in the same segment: both are answered")
    func pipelinedBehindRefusal() throws {
        let connection = try Connection()
        let output = try connection.send(Self.changed("Version: 13", "Version: 7") + Self.good)
        #expect(output.hasPrefix("HTTP/1.1 426 "))
        #expect(output.contains("HTTP/1.1 101 "))
    }

    @Test("three thousand refused requests in one segment: a hundred answers and the end")
    func floodOfRefusals() throws {
        let output = try Connection().send(String(repeating: "GET /ws HTTP/1.1\nHost: a\n\n", count: 3000))
        #expect(output.split(separator: "HTTP/1.1 400 ", omittingEmptySubsequences: false).count - 1 == 100)
        #expect(output.contains("Connection: close"))
    }

    @Test("HTTP/1.0, two hosts and a missing host are refused")
    func hosts() throws {
        for (old, new) in [
            ("HTTP/1.1", "HTTP/1.0"), ("Host: localhost", "Host: a\nHost: b"), ("Host: localhost\n", ""),
        ] {
            let output = try Connection().send(Self.changed(old, new))
            #expect(output.contains(" 400 Bad Request\r\n"), "\(new): \(output)")
        }
    }

    @Test("another path is 404, garbage is 400, too long headers are 431, and each ends the connection")
    func notOurs() throws {
        #expect(try Connection().send(Self.changed("/ws", "/other")).hasPrefix("HTTP/1.1 404 "))
        #expect(try Connection().send("\u{16}\u{03}\u{01} hello\n\n").hasPrefix("HTTP/1.1 400 "))
        let long = String(repeating: "x", count: 20_000)
        #expect(
            try Connection().send(Self.changed("Version: 13", "Version: 13\nX: \(long)")).hasPrefix("HTTP/1.1 431 "))
        let many = (0..<200).map { "X\($0): y\n" }.joined()
        #expect(try Connection().send(Self.changed("Version: 13\n", "Version: 13\n" + many)).hasPrefix("HTTP/1.1 431 "))
    }

    @Test("a request that comes one byte a second is 408 after ten seconds")
    func slowHandshake() throws {
        let connection = try Connection()
        var output = ""
        for byte in Self.good.prefix(9) {
            output += try connection.send(String(byte))
            connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        }
        #expect(output.isEmpty)
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try connection.output().hasPrefix("HTTP/1.1 408 "))
    }

    @Test("the server's preference chooses the subprotocol, and none is chosen that was not offered")
    func subprotocols() throws {
        let output = try Connection { $0.subprotocols = ["v2", "v1"] }
            .send(Self.changed("Host: localhost", "Host: localhost\nSec-WebSocket-Protocol: v1, v2"))
        #expect(output.contains("Sec-WebSocket-Protocol: v2\r\n"))
        let without = try Connection { $0.subprotocols = ["v2"] }
            .send(Self.changed("Host: localhost", "Host: localhost\nSec-WebSocket-Protocol: v3"))
        #expect(without.hasPrefix("HTTP/1.1 101 "))
        #expect(!without.contains("Sec-WebSocket-Protocol"))
    }
}
