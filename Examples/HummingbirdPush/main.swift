// The push service inside a Hummingbird application: its pages connect at /ws, and its own routes push.
import Hummingbird
import MartletHummingbird
import MartletPush
import MartletWebSocket
import NIOPosix

let service = PushService(group: MultiThreadedEventLoopGroup.singleton)
let endpoint = service.endpoint()
let router = Router()
router.post("/orders/:user") { request, context in
    let user = try context.parameters.require("user")
    let message = PushMessage(user: user, event: "orders", message: "Your order is on its way")
    return "told \(try await service.push(message))"
}
let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
let application = Application(
    router: router, server: .http1WebSocket { WebSocketRequest.path(of: $0) == "/ws" ? endpoint : nil },
    configuration: .init(address: .hostname("127.0.0.1", port: port)))
try await application.runService()
