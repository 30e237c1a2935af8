import Foundation
import Logging
import MartletWebSocket
import NIOCore
import Synchronization

/// A server of the async tier that tells how each connection ended: `AsyncServer HOST [compress]`.
///
/// `/echo` sends whole messages back, `/stream` chunk by chunk, `/flood` sends for ever. Pings go out every 300 ms and a
/// peer is dead 700 ms later; messages may have 4 GiB on `/stream` and 1 MiB elsewhere.
@main
struct AsyncServer {
    private static let handlers = Atomic<Int>(0)

    static func main() async throws {
        let arguments = CommandLine.arguments
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = .milliseconds(300)
        configuration.pingTimeout = .milliseconds(700)
        configuration.closeTimeout = .milliseconds(500)
        if arguments.contains("compress") { configuration.compression = CompressionConfiguration() }
        var large = configuration
        large.limits = MessageLimits(maximumMessageSize: 4 << 30)

        let server = WebSocketServer(
            configuration: .init(host: arguments.count > 1 ? arguments[1] : "127.0.0.1", port: 0),
            logger: Logger(label: "server") { _ in SwiftLogNoOpLogHandler() })
        server.route("/echo", configuration: configuration) { _, socket in
            await Self.tell(socket) { for try await message in socket.messages { try await socket.send(message) } }
        }
        server.route("/stream", configuration: large) { _, socket in
            await Self.tell(socket) {
                for try await message in socket.streamedMessages {
                    try await socket.send(message.kind, chunks: message.chunks)
                }
            }
        }
        server.route("/flood", configuration: configuration) { _, socket in
            let message = ByteBuffer(repeating: 7, count: 10_000)
            await Self.tell(socket) { while true { try await socket.send(binary: message) } }
        }
        async let running: Void = server.run()
        Self.say("listening \(try await server.localAddress.port ?? 0)")
        try await running
    }

    private static func tell(_ socket: WebSocketConnection, _ body: () async throws -> Void) async {
        Self.handlers.wrappingAdd(1, ordering: .relaxed)
        do { try await body() } catch {}
        let end = await socket.closed()
        let left = Self.handlers.wrappingSubtract(1, ordering: .relaxed).newValue
        Self.say(
            "closed \(end.code) \(end.initiator) \(end.isClean ? "clean" : "unclean") handlers=\(left) \(end.reason)")
    }

    private static func say(_ text: String) {
        print(text)
        // The reader waits for each line.
        fflush(nil)
    }
}
