import HTTPTypes
import InMemoryTracing
import Logging
import MartletProtocol
import MartletTesting
import Metrics
import MetricsTestKit
import NIOCore
import Testing
import Tracing

@testable import MartletWebSocket

/// Both systems belong to the process, and other tests use them too: so the figures are at least what is expected.
@Suite("Metrics and traces", .serialized, .timeLimit(.minutes(1)))
struct ObservationTests {
    private static let metrics: TestMetrics = {
        let metrics = TestMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }()

    private static let tracer: InMemoryTracer = {
        let tracer = InMemoryTracer()
        InstrumentationSystem.bootstrap(tracer)
        return tracer
    }()

    @Test("connections, messages, bytes, closes, refusals and round trips are counted by role")
    func counters() async throws {
        let metrics = Self.metrics
        let clock = WebSocketTestClock()
        let pair = try await WebSocketPair.inMemory(clock: clock)
        var messages = pair.client.messages.makeAsyncIterator()
        for _ in 0..<10 {
            try await pair.client.send(text: "hello")
            try await pair.server.send(text: "hello")
            _ = try await messages.next()
        }
        #expect(try await pair.client.ping() == .zero)
        await pair.client.close()
        _ = await pair.server.closed()
        await clock.advance(by: .seconds(1))  // the counts go out once a second
        for role in ["server", "client"] {
            let role = ("role", role)
            #expect(try metrics.expectCounter("websocket.bytes.sent", [role]).totalValue >= 70)
            #expect(try metrics.expectCounter("websocket.bytes.received", [role]).totalValue >= 70)
            #expect(try metrics.expectCounter("websocket.messages.sent", [role]).totalValue >= 10)
            #expect(try metrics.expectCounter("websocket.messages.received", [role]).totalValue >= 10)
            #expect(try metrics.expectCounter("websocket.closes", [role, ("code", "1000")]).totalValue >= 1)
        }
        #expect(try metrics.expectTimer("websocket.rtt", [("role", "client")]).values.isEmpty == false)
        try await Loopback.serve { _ in
        } _: { url, client in
            _ = try? await client.connect(to: url + "/missing") { _ in }
        }
        #expect(try metrics.expectCounter("websocket.handshakes.refused", [("status", "404")]).totalValue >= 1)
    }

    @Test("a client's handshake and a server's handler are spans, with the path and the close code")
    func spans() async throws {
        let tracer = Self.tracer
        try await Loopback.serve { server in
            server.route("/traced") { _, _ in }
        } _: { url, client in
            try await client.connect(to: url + "/traced") { socket in for try await _ in socket.messages {} }
        }
        let spans = tracer.finishedSpans
        #expect(spans.contains { $0.operationName == "websocket handshake" && $0.kind == .client })
        let served = spans.first {
            $0.operationName == "websocket connection" && "\($0.attributes)".contains("/traced")
        }
        #expect(served?.kind == .server)
    }
}
