// A connection with an inbound and an outbound queue, safe from any task: one task reads, another writes, and what
// is sent after the close throws. When the queues are full, the sender waits and the socket is not read.
import MartletWebSocket

var configuration = WebSocketConfiguration()
configuration.inboundQueueCount = 1000
configuration.outboundQueueLimit = 256 * 1024

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
let server = WebSocketServer(configuration: .init(port: port, webSocket: configuration))
server.route("/ws") { _, socket in
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            for number in 1...100_000 { try await socket.send(text: "message \(number)") }
        }
        group.addTask {
            for try await message in socket.messages { print(message) }
        }
        try await group.next()
        group.cancelAll()
    }
    await socket.close()
    do {
        try await socket.send(text: "too late")
    } catch let error as WebSocketError {
        print(error)  // closed: the connection is closed …
    }
}
try await server.run()
