// Sends the time every second and prints what comes, until interrupted; then it sends a close frame and waits at most a
// second for the answer. The same as `martlet connect ws://localhost:8080/echo --every 1s --text '{time}'`.
import Foundation
import MartletWebSocket
import NIOCore
import UnixSignals

var configuration = WebSocketClient.Configuration()
configuration.webSocket.closeTimeout = .seconds(1)
let url = CommandLine.arguments.dropFirst().first ?? "ws://localhost:8080/echo"

let close = try await WebSocketClient(configuration: configuration).connect(to: url) { socket in
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while true {
                try await Task.sleep(for: .seconds(1))
                try await socket.send(text: "\(Date.now)")
            }
        }
        group.addTask {
            for try await message in socket.messages { print(message) }
        }
        group.addTask {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
        }
        try await group.next()
        group.cancelAll()
    }
}
print("closed: \(close)")
