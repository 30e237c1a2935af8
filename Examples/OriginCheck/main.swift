// A check of who may connect: pages of two sites, and of those only requests that a hook lets in.
import HTTPTypes
import MartletWebSocket

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
let server = WebSocketServer(configuration: .init(port: port))
server.route(
    "/ws",
    origin: .allow(["https://example.com", "http://localhost:3000"]),
    authorize: { request in
        request.head.headerFields[.cookie]?.contains("session=") == true
            ? .allow : .refuse(.unauthorized, reason: "log in first")
    }
) { request, socket in
    try await socket.send(text: "welcome to \(request.path)")
    for try await message in socket.messages { try await socket.send(message) }
}
try await server.run()
