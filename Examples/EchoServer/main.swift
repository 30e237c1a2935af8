// The smallest server: every message on /echo is sent back. Try it with `martlet connect ws://127.0.0.1:8080/echo`.
import MartletWebSocket

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
let server = WebSocketServer(configuration: .init(host: "127.0.0.1", port: port))
server.route("/echo") { request, socket in  // leaving the scope closes with 1000
    for try await message in socket.messages { try await socket.send(message) }
}
try await server.run()  // a ServiceLifecycle Service; drains with 1001
