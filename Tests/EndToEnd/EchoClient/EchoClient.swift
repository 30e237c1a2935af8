import Logging
import MartletWebSocket
import NIOCore
import NIOSSL

/// Sends messages of 0 B to 16 MiB to an echo server and checks what comes back: `EchoClient URL [compress] [CA.pem]`.
@main
struct EchoClient {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let url = arguments.first else {
            print("usage: EchoClient URL [compress] [CA.pem]")
            return
        }
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket.limits = MessageLimits(maximumMessageSize: 32 << 20)
        if arguments.contains("compress") {
            var compression = CompressionConfiguration()
            compression.allowsContextTakeover = true
            configuration.webSocket.compression = compression
        }
        if let authority = arguments.first(where: { $0.hasSuffix(".pem") }) {
            configuration.tls.trustRoots = .file(authority)
        }
        let end = try await WebSocketClient(configuration: configuration).connect(to: url) { socket in
            var messages = socket.messages.makeAsyncIterator()
            var count = 0
            for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20] {
                let text =
                    String(repeating: "0123456789abcde\n", count: length / 16)
                    + String(repeating: "x", count: length % 16)
                let binary = ByteBuffer(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) })
                for message in [WebSocketMessage.text(text), .binary(binary)] {
                    async let sent: Void = socket.send(message)
                    guard try await messages.next() == message else {
                        throw WebSocketError(.invalidMessage, reason: "an echo of \(length) bytes differs")
                    }
                    try await sent
                    count += 1
                }
            }
            print("echoed \(count) messages, compression \(socket.compression == nil ? "off" : "on")")
        }
        print("closed \(end)")
    }
}
