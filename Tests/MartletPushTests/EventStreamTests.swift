import FoundationEssentials
import HTTPTypes
import MartletProtocol
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MartletPush
@testable import MartletWebSocket

@Suite("Event streams", .timeLimit(.minutes(1)))
struct EventStreamTests {
    // MARK: Ids

    @Test(
        "an id names what it is about, and comes back as it was",
        arguments: ["alerts", "a b", "é,~.%", "\u{1F600}\n", "-_"])
    func ids(event: String) throws {
        let position = StreamPosition(
            epoch: String(UInt64.random(in: 1 ... .max), radix: 36), offset: .random(in: 0 ... .max))
        let text = ResumeID([(event, position), ("other", position)]).description
        #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        let id = try #require(ResumeID(text))
        #expect(id[event] == position && id["other"] == position && id["none"] == nil)
    }

    @Test(
        "what is no id is none",
        arguments: [
            "", "a", "a~", "a~1", "a~1.", "a~.1", "a~1.x", "a~\(String(repeating: "z", count: 41)).1", "a b~1.1",
            "%~1.1", "%4~1.1",
            "%ff~1.1",
            "a~1.1,", "a~1.1,,b~1.1", "a~é.1", "a~1.+1", "a~1.-1", "a~1.99999999999999999999",
        ])
    func noIDs(text: String) { #expect(ResumeID(text) == nil) }

    // MARK: Requests

    private func request(_ path: String, _ fields: HTTPFields = [:]) throws -> EventStreamRequest {
        try EventStreamRequest(
            HTTPRequest(method: .get, scheme: "http", authority: "a", path: path, headerFields: fields),
            maximumEvents: 128)
    }

    @Test("a request says who, what and from where on")
    func requests() throws {
        let request = try self.request(
            "/sse?token=a%20b+c&event=alerts&event=n%C3%A9ws&event=alerts&after=x~1.1&wait=3")
        #expect(request.token == "a b c" && request.events == ["alerts", "néws"])
        #expect(request.after == "x~1.1" && request.wait == 3 && !request.isJSON)
        #expect(try self.request("/sse?event=a").wait == 25)
        let resumed = try self.request("/sse?event=a&after=old", [HTTPField.Name("Last-Event-ID")!: "new"])
        #expect(resumed.after == "new")
    }

    // MARK: Encoding

    @Test("no message can begin a field or end an event early")
    func encoding() {
        func encode(_ data: String, isJSON: Bool = false) -> String {
            let id = ResumeID([("a", StreamPosition(epoch: "z", offset: 2))])
            return String(
                buffer: EventStreamEncoder.serverSentEvents(
                    [EventStreamItem(event: "a\nid: 7\rx", data: data, id: id)], isJSON: isJSON))
        }
        let head = "id: a~z.2\nevent: a id: 7 x\n"
        #expect(encode("x") == head + "data: x\n\n")
        #expect(encode("") == head + "data: \n\n")
        #expect(encode("\n\nevent: b\r\n\rid: 9") == head + "data: \ndata: \ndata: event: b\ndata: \ndata: id: 9\n\n")
        #expect(encode("x\n") == head + "data: x\ndata: \n\n")
        #expect(encode("é\r\"\\\u{1}\n", isJSON: true) == head + #"data: "é\r\"\\\u0001\n""# + "\n\n")
    }

    // MARK: Sessions

    /// A connection that notes what it is sent, as messages of JSON; cut off in the middle when its limit is reached.
    private final class TestConnection: TransportConnection {
        private struct Item: Decodable {
            let id: String?
            let event: String?
            let data: String?
            let gap: [String]?
        }

        var session: Session?
        var lastID: String?
        var isClosed = false
        var messages: [String] = []
        var gaps = 0
        var limit = Int.max

        func send(_ encoded: EncodedPublications) -> Int {
            guard case .messages(let batch) = encoded.wire else { return 0 }
            for text in batch.texts where self.limit > 0 {
                guard text != "{}", let item = try? JSONDecoder().decode(Item.self, from: Data(text.utf8)) else {
                    continue
                }
                self.limit -= 1
                if let event = item.event, let data = item.data { self.messages.append("\(event) \(data)") }
                if item.gap != nil { self.gaps += 1 }
                if let id = item.id { self.lastID = id }
            }
            return self.limit > 0 ? encoded.count : 0
        }

        let transport = SessionTransport.websocket
        let address = "192.0.2.1"
        let queuedBytes = 0
        var isOpen: Bool { !self.isClosed }

        func sendHeartbeat(_ encoded: EncodedPublications) {}
        func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) { self.isClosed = true }
    }

    private final class Progress: Sendable {
        let connections = Atomic(0)
        let isOver = Atomic(false)
    }

    /// The messages that one client has been sent, over all of its connections.
    private struct Heard: Sendable {
        var messages: [String] = []
        var gaps = 0
        var lastID: String?

        func numbers(of event: String) -> [Int] {
            self.messages.filter { $0.hasPrefix(event + " ") }.compactMap { Int($0.dropFirst(event.count + 1)) }
        }
    }

    /// A client that connects, is cut off and comes back, until it is told that all has been published.
    private static func hear(
        _ events: [String], of service: PushService, isCut: Bool, until progress: Progress, on eventLoop: any EventLoop
    ) async throws -> Heard {
        var heard = Heard()
        while true {
            let isLast = progress.isOver.load(ordering: .acquiring)
            let after = heard.lastID
            let connection = try await eventLoop.submit {
                let connection = TestConnection()
                // In the middle of what it is sent, now and then.
                if isCut, !isLast { connection.limit = .random(in: 1...30) }
                var path = "/sse?token=jack" + events.map { "&event=\($0)" }.joined()
                if let after { path += "&after=\(after)" }
                let request = try EventStreamRequest(
                    HTTPRequest(method: .get, scheme: "http", authority: "a", path: path), maximumEvents: 128)
                guard case .admitted(let place) = service.admit(user: "jack") else { preconditionFailure() }
                let dialect = EventStreamDialect(.messages, request, user: PushUser("jack"), place: place)
                let session = service.session(over: .websocket, dialect, on: eventLoop)
                connection.session = session
                session.opened(on: connection)
                return NIOLoopBound(connection, eventLoop: eventLoop)
            }.get()
            progress.connections.add(1, ordering: .relaxed)
            for _ in 0..<Int.random(in: 0...20) { await Task.yield() }
            let part = try await eventLoop.submit {
                let client = connection.value
                client.session?.closed()
                return Heard(messages: client.messages, gaps: client.gaps, lastID: client.lastID)
            }.get()
            heard.messages += part.messages
            heard.gaps += part.gaps
            heard.lastID = part.lastID ?? after
            if isLast { return heard }
        }
    }

    @Test(
        "clients come and go under load on several threads: each message once and in order, or a gap is told",
        arguments: [5, 100_000])
    func historyCheck(size: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var history = HistoryConfiguration()
        history.size = size
        let service = PushService(group: group, history: history)
        let count = 2000
        let progress = Progress()
        let all = try await withThrowingTaskGroup(of: Heard.self) { tasks in
            for index in 0..<8 {
                let eventLoop = group.next()
                let events = index % 3 == 0 ? ["alerts"] : ["alerts", "news"]
                tasks.addTask {
                    try await Self.hear(events, of: service, isCut: index % 2 == 0, until: progress, on: eventLoop)
                }
            }
            while progress.connections.load(ordering: .relaxed) < 8 { await Task.yield() }
            for number in 0..<count {
                for event in ["alerts", "news"] {
                    _ = try await service.publish(PushMessage(user: "jack", event: event, message: "\(number)"))
                }
            }
            progress.isOver.store(true, ordering: .releasing)
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        for heard in all {
            for event in ["alerts", "news"] {
                let numbers = heard.numbers(of: event)
                #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
                guard let first = numbers.first, let last = numbers.last else { continue }
                #expect(last == count - 1)
                if heard.gaps == 0 { #expect(numbers == Array(first...last)) }
            }
        }
        if size > 5 { #expect(all.allSatisfy { $0.gaps == 0 && $0.messages.count > 1000 }) }
        #expect(service.channelCount == 0)
        try await group.shutdownGracefully()
    }

    @Test("a token stands for one user, who is asked for once, with all events")
    func users() async throws {
        let asked = Mutex<[TokenQuestion]>([])
        let hooks = PushHooks { question in
            asked.withLock { $0.append(question) }
            return switch question.token {
            case "good": PushUser("jack")
            case "down": throw PushUnavailable(reason: "down")
            default: nil
            }
        }
        let service = PushService(group: MultiThreadedEventLoopGroup.singleton, hooks: hooks)
        func decision(_ path: String) async throws -> AccessDecision {
            await service.user(of: try self.request(path), address: "192.0.2.1")
        }
        #expect(try await decision("/sse?event=a&event=b&token=good") == .user(PushUser("jack")))
        #expect(
            asked.withLock { $0 }
                == [TokenQuestion(token: "good", events: ["a", "b"], clientAddress: "192.0.2.1")])
        #expect(try await decision("/sse?event=a&token=bad") == .refused)
        #expect(try await decision("/sse?event=a&token=down") == .unavailable)
        #expect(try await decision("/sse?event=a") == .refused)
    }
}

extension PreparedBatch {
    /// Its messages.
    var texts: [String] {
        self.messages.map { message in
            self.frames.withUnsafeReadableBytes { String(decoding: $0[message.payload], as: UTF8.self) }
        }
    }
}
