import Metrics

/// Counts handshakes that were refused: `websocket.handshakes.refused`, with the dimension `status`.
package enum RefusalCounter {
    package static func count(status: Int) {
        Counter(label: "websocket.handshakes.refused", dimensions: [("status", String(status))]).increment()
    }
}
