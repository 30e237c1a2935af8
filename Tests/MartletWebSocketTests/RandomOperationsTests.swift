import MartletProtocol
import NIOCore
import NIOSSL
import TestSupport
import Testing

@testable import MartletWebSocket

/// Many tasks use one connection at random. Run under ThreadSanitizer by `make sanitize`.
@Suite("Random concurrent operations on one connection", .timeLimit(.minutes(5)))
struct RandomOperationsTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return self.state ^ self.state >> 29
        }
    }

    private static let tasks = 20
    private static let operationsPerTask = 50

    /// A message that tells whether it arrived whole: its sender, its number and its length, and one letter.
    private static func message(_ sender: Int, _ number: Int, _ length: Int) -> String {
        "\(sender) \(number) \(length) "
            + String(repeating: Character(UnicodeScalar(UInt8(97 + sender))), count: length)
    }

    private static func check(_ text: String, _ latest: inout [Int: Int]) -> Bool {
        let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let sender = Int(parts[0]), let number = Int(parts[1]), let length = Int(parts[2]),
            parts[3].utf8.count == length, parts[3].utf8.allSatisfy({ $0 == UInt8(97 + sender) }),
            number > latest[sender, default: -1]
        else { return false }
        latest[sender] = number
        return true
    }

    @Test("a thousand sends, pings, streams, cancellations and a close: nothing mixes", arguments: 0..<10)
    func anything(_ seed: Int) async throws {
        var configuration = WebSocketConfiguration()
        var compression = CompressionConfiguration()
        compression.allowsContextTakeover = seed % 2 == 0
        if seed % 3 != 0 { configuration.compression = compression }
        configuration.closeTimeout = .seconds(2)
        let received = Shared(0)
        // Every other seed over TLS, where nothing is sent past NIO.
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        let tls =
            seed % 2 == 0
            ? nil
            : try ServerTLS(
                certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"))
        let listening = WebSocketServer.Configuration(host: "127.0.0.1", port: 0, tls: tls, webSocket: configuration)
        try await Loopback.serve(listening) { server in
            server.route("/sink") { _, socket in
                var latest: [Int: Int] = [:]
                do {
                    for try await case .text(let text) in socket.messages {
                        #expect(Self.check(text, &latest), "seed \(seed): \(text.prefix(40))")
                        received.increment()
                        if received.value % 7 == 0 { _ = socket.trySend(.text("news")) }
                    }
                } catch {}
            }
        } _: { [configuration] addresses in
            let url = "\(tls == nil ? "ws" : "wss")://localhost:\(addresses[0].port!)"
            var client = WebSocketClient.Configuration()
            client.tls = certificates.clientTLS
            client.webSocket = configuration
            _ = try? await WebSocketClient(configuration: client, logger: Loopback.quiet).connect(to: url + "/sink") {
                socket in
                await withTaskGroup(of: Void.self) { group in
                    for sender in 0..<Self.tasks {
                        group.addTask {
                            var random = Generator(state: UInt64(seed * 1000 + sender))
                            for number in 0..<Self.operationsPerTask {
                                await Self.operate(on: socket, sender, number, using: &random)
                            }
                        }
                    }
                    group.addTask { do { for try await _ in socket.messages {} } catch {} }
                    // When most of it is done, one of them closes in the middle of the rest.
                    group.addTask {
                        while received.value < 300, socket.closeInformation == nil { await Task.yield() }
                        await socket.close()
                    }
                }
                #expect(socket.closeInformation != nil)
            }
        }
        #expect(received.value >= 300)
    }

    private static func operate(
        on socket: WebSocketConnection, _ sender: Int, _ number: Int, using random: inout Generator
    ) async {
        let length = [0, 10, 300, 5000, 40_000].randomElement(using: &random)!
        let text = Self.message(sender, number, length)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<10: try? await socket.send(text: text)
        case 10..<13: _ = socket.trySend(.text(text))
        case 13: try? await socket.send(PreparedMessage(text: text))
        case 14, 15: _ = try? await socket.ping()
        case 16:
            let task = Task { try await socket.send(text: text) }
            task.cancel()
            _ = try? await task.value
        case 17:
            let task = Task { try await socket.ping() }
            task.cancel()
            _ = try? await task.value
        case 18:
            try? await socket.withMessageWriter(.text) { writer in
                try await writer.write(String(text.prefix(20)))
                try await writer.write(String(text.dropFirst(20)))
            }
        default: _ = socket.latency
        }
    }
}
