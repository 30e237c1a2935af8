import Logging
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOCore
import NIOEmbedded

/// A server's connection, from its first byte through requests and refusals to the frames of a WebSocket.
///
/// First byte: how the bytes are cut.
enum ConnectionTarget {
    private final class Echo: WebSocketHandler {
        func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) { socket.send(kind, payload) }
    }

    static func run(_ input: inout FuzzInput) {
        let seed = input.byte()
        let channel = EmbeddedChannel()
        var endpoint = WebSocketEndpoint { _, _ in Echo() }
        endpoint.configuration.compression = seed & 1 == 0 ? nil : CompressionConfiguration()
        let handler = WebSocketUpgradeHandler(
            limits: HTTPLimits(), isSecure: false, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        ) { [endpoint] in WebSocketRequest.path(of: $0) == "/ws" ? endpoint : nil }
        guard (try? handler.install(on: channel)) != nil,
            let address = try? SocketAddress(ipAddress: "127.0.0.1", port: 1),
            (try? channel.connect(to: address).wait()) != nil
        else { return FuzzTarget.check(false, "there is no connection") }
        var output: [UInt8] = []
        for piece in FuzzInput.pieces(of: input.rest(), seed: seed) {
            _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
            channel.embeddedEventLoop.run()
            while let bytes = try? channel.readOutbound(as: ByteBuffer.self) { output += bytes.readableBytesView }
        }
        FuzzTarget.check(output.isEmpty || output.starts(with: "HTTP/1.1 ".utf8), "the first answer is not HTTP")
        // Time ends the connection, whether it goes on, waits, or has been refused.
        channel.embeddedEventLoop.advanceTime(by: .minutes(5))
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
}
