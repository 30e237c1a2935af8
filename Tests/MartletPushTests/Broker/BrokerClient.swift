import FoundationEssentials
import HTTPTypes
import MartletProtocol
import NIOCore
import Synchronization

@testable import MartletPush
@testable import MartletWebSocket

/// A client of the event-stream dialect that notes what it is sent, over all of its connections.
final class BrokerClient: Sendable {
    private enum Seen: Equatable {
        case message(event: String, number: Int)
        case gap(event: String)
    }

    private struct State {
        var seen: [Seen] = []
        var lastID: String?
        var isOpen = false
    }

    private struct Item: Decodable {
        let id: String?
        let event: String?
        let data: String?
        let gap: [String]?
    }

    private final class Connection: TransportConnection {
        let client: BrokerClient
        var session: Session?
        var isOpen = true

        init(_ client: BrokerClient) { self.client = client }

        let transport = SessionTransport.websocket
        let address = "192.0.2.1"
        let queuedBytes = 0

        func send(_ encoded: EncodedPublications) -> Int {
            guard case .messages(let batch) = encoded.wire else { return 0 }
            self.client.note(batch.texts)
            return encoded.count
        }

        func sendHeartbeat(_ encoded: EncodedPublications) {}

        func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) {
            guard self.isOpen else { return }
            self.isOpen = false
            self.session?.closed()
            self.client.state.withLock { $0.isOpen = false }
        }
    }

    private let service: PushService
    private let events: [String]
    private let eventLoop: any EventLoop
    private let state = Mutex(State())
    private let connection: NIOLoopBoundBox<Connection?>

    init(_ service: PushService, events: [String], on eventLoop: any EventLoop) {
        self.service = service
        self.events = events
        self.eventLoop = eventLoop
        self.connection = .makeEmptyBox(valueType: Connection.self, eventLoop: eventLoop)
    }

    func connect() async throws { try await self.eventLoop.submit { self.open() }.get() }

    /// Closes its connection, and connects again.
    func reconnect() async throws {
        try await self.eventLoop.submit {
            self.connection.value?.close(.disconnected, .normalClosure, "")
            self.open()
        }.get()
    }

    /// Connects again if it was disconnected.
    func comeBack() {
        guard !self.state.withLock({ $0.isOpen }) else { return }
        self.eventLoop.execute { if self.connection.value?.isOpen != true { self.open() } }
    }

    func close() async throws {
        try await self.eventLoop.submit {
            self.connection.value?.close(.disconnected, .normalClosure, "")
            self.connection.value = nil
        }.get()
    }

    private func open() {
        var path = "/sse?token=jack" + self.events.map { "&event=\($0)" }.joined()
        if let id = self.state.withLock({ $0.lastID }) { path += "&after=\(id)" }
        guard
            let request = try? EventStreamRequest(
                HTTPRequest(method: .get, scheme: "http", authority: "a", path: path), maximumEvents: 128),
            case .admitted(let place) = self.service.admit(user: "jack")
        else { return }
        let dialect = EventStreamDialect(.messages, request, user: PushUser("jack"), place: place)
        let connection = Connection(self)
        self.connection.value = connection
        self.state.withLock { $0.isOpen = true }
        let session = self.service.session(over: .websocket, dialect, on: self.eventLoop)
        connection.session = session
        session.opened(on: connection)
    }

    private func note(_ texts: [String]) {
        let items = texts.compactMap { try? JSONDecoder().decode(Item.self, from: Data($0.utf8)) }
        self.state.withLock { state in
            for item in items {
                if let event = item.event, let number = item.data.flatMap({ Int($0) }) {
                    state.seen.append(.message(event: event, number: number))
                }
                for event in item.gap ?? [] { state.seen.append(.gap(event: event)) }
                if let id = item.id { state.lastID = id }
            }
        }
    }

    /// Whether it was sent a position.
    var isLive: Bool { self.state.withLock { $0.lastID != nil } }

    /// Whether it has seen the last messages of its events.
    func isUpToDate(_ last: [String]) -> Bool {
        self.state.withLock { state in
            self.events.allSatisfy { event in
                state.seen.contains { seen in
                    if case .message(event, let number) = seen { return last.contains("\(event) \(number)") }
                    return false
                }
            }
        }
    }

    /// Returns which messages are missing, doubled, out of order, or should not be there.
    func problems(published: Set<String>, failed: Set<String>) -> [String] {
        let seen = self.state.withLock { $0.seen }
        var problems: [String] = []
        for event in self.events {
            var last: Int?
            var hasGap = false
            for one in seen {
                switch one {
                case .gap(event): hasGap = true
                case .message(event, let number):
                    if failed.contains("\(event) \(number)") {
                        problems.append("what failed for certain was published")
                    }
                    if let last {
                        if number <= last { problems.append("twice, or in another order: \(event) \(number)") }
                        let missing = (last + 1..<max(number, last + 1)).filter { published.contains("\(event) \($0)") }
                        if !missing.isEmpty, !hasGap { problems.append("missing without a gap: \(event) \(missing)") }
                    }
                    last = number
                    hasGap = false
                default: break
                }
            }
        }
        return problems
    }
}
