import Metrics

/// Counts handshakes that were refused: `websocket.handshakes.refused`, with the dimension `status`.
enum RefusalCounter {
    static func count(status: Int) {
        Counter(label: "websocket.handshakes.refused", dimensions: [("status", String(status))]).increment()
    }
}
