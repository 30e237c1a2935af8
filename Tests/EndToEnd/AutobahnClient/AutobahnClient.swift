import MartletWebSocket
import NIOCore

/// Echoes in every case of a fuzzing server: `AutobahnClient ws://127.0.0.1:9001 CASES AGENT`.
@main
struct AutobahnClient {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let cases = Int(arguments[2]) else {
            print("usage: AutobahnClient URL CASES AGENT")
            return
        }
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket.limits.maximumMessageSize = 32 << 20
        configuration.webSocket.closeTimeout = .seconds(2)
        let client = WebSocketClient(configuration: configuration)
        for number in 1...cases {
            do {
                try await client.connect(to: "\(arguments[1])/runCase?case=\(number)&agent=\(arguments[3])") { socket in
                    for try await message in socket.messages { try await socket.send(message) }
                }
            } catch let error as WebSocketError where error.code == .closed {
                // Many cases end this way: the server breaks the protocol on purpose.
            }
        }
    }
}
