// A client that says who it is, measures the round trip and takes events as values: FeedClient ws://example.com/feed
import Logging
import MartletWebSocket

struct Hello: Codable { var name: String }
struct Event: Codable { var title: String }

@Sendable func handle(_ event: Event) { print(event.title) }

let logger = Logger(label: "feed")
let url = CommandLine.arguments.dropFirst().first ?? "ws://127.0.0.1:8080/feed"

let close = try await WebSocketClient(logger: logger).connect(to: url) { socket in
    try await socket.send(json: Hello(name: "a"))
    let roundTrip: Duration = try await socket.ping()
    print("the server is \(roundTrip) away")
    for try await event in socket.messages(as: Event.self) { handle(event) }
}
print("closed: \(close)")
