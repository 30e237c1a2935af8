import MartletWebSocket
import NIOCore
import NIOPosix

/// Echoes in every case of a fuzzing server: `AutobahnClient ws://127.0.0.1:9001 CASES AGENT`.
@main
struct AutobahnClient {
    private final class Echo: WebSocketHandler {
        private let ended: EventLoopPromise<Void>

        init(ended: EventLoopPromise<Void>) { self.ended = ended }

        func received(_ kind: MessageKind, _ payload: RawSpan, on socket: WebSocket) { socket.send(kind, payload) }

        func closed(_ socket: WebSocket, _ information: WebSocketCloseInformation) { self.ended.succeed() }
    }

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let cases = Int(arguments[2]) else {
            print("usage: AutobahnClient URL CASES AGENT")
            return
        }
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket.limits = MessageLimits(maximumMessageSize: 32 << 20, maximumFragmentCount: 1 << 20)
        var compression = CompressionConfiguration()
        compression.allowsContextTakeover = true
        compression.threshold = 0
        configuration.webSocket.compression = compression
        configuration.webSocket.outboundQueueLimit = 64 << 20
        configuration.webSocket.closeTimeout = .seconds(2)
        let client = WebSocketClient(configuration: configuration)
        for number in 1...cases {
            let ended = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
            let url = "\(arguments[1])/runCase?case=\(number)&agent=\(arguments[3])"
            do {
                try await client.connect(to: url) { _ in Echo(ended: ended) }
            } catch {
                ended.fail(error)
                throw error
            }
            try await ended.futureResult.get()
        }
    }
}
