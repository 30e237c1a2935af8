// The server sends "heart beat" every second and echoes in between, until the connection ends.
import MartletWebSocket

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
let server = WebSocketServer(configuration: .init(port: port))
server.route("/ws") { _, socket in
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while true {
                try await Task.sleep(for: .seconds(1))
                try await socket.send(text: "heart beat")
            }
        }
        group.addTask {
            for try await message in socket.messages { try await socket.send(message) }
        }
        try await group.next()
        group.cancelAll()
    }
}
try await server.run()
