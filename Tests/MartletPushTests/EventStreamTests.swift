import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MartletPush

@Suite("Event streams", .timeLimit(.minutes(1)))
struct EventStreamTests {
    // MARK: Ids

    @Test(
        "an id names what it is about, and comes back as it was",
        arguments: ["alerts", "a b", "é,~.%", "\u{1F600}\n", "-_"])
    func ids(event: String) throws {
        let position = StreamPosition(epoch: .random(in: 1 ... .max), offset: .random(in: 0 ... .max))
        let text = EventStreamID([(event, position), ("other", position)]).description
        #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        let id = try #require(EventStreamID(text))
        #expect(id[event] == position && id["other"] == position && id["none"] == nil)
    }

    @Test(
        "what is no id is none",
        arguments: [
            "", "a", "a~", "a~1", "a~1.", "a~.1", "a~1.x", "a~zzzzzzzzzzzzzzzzz.1", "a b~1.1", "%~1.1", "%4~1.1",
            "%ff~1.1",
            "a~1.1,", "a~1.1,,b~1.1", "a~-1.1", "a~1.99999999999999999999",
        ])
    func noIDs(text: String) { #expect(EventStreamID(text) == nil) }

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
            let id = EventStreamID([("a", StreamPosition(epoch: 35, offset: 2))])
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

    /// Counts what it is sent, and checks that it is in order and each once.
    private final class TestSink: EventStreamSink {
        var session: EventStreamSession?
        var lastID: String?
        var isDropped = false
        var heard: [String] = []
        var gaps = 0
        var limit = Int.max

        func send(_ items: EventStreamItems) -> Bool {
            for item in items.items where self.limit > 0 {
                self.limit -= 1
                switch item.content {
                case .publication(let event, let data): self.heard.append("\(event) \(data)")
                case .gap: self.gaps += 1
                case .position: break
                }
                if let id = item.id { self.lastID = id.description }
            }
            return self.limit > 0
        }

        let transport = SessionCarrier.Transport.sse
        var carrier: SessionCarrier? { nil }

        func drop() { self.isDropped = true }
    }

    private final class Progress: Sendable {
        let connections = Atomic(0)
        let isOver = Atomic(false)
    }

    /// What one client has heard, over all of its connections.
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
            let sink = try await eventLoop.submit {
                let sink = TestSink()
                // In the middle of what it is sent, now and then.
                if isCut, !isLast { sink.limit = .random(in: 1...30) }
                let session = EventStreamSession(
                    service: service, user: "jack", events: events, sink: sink, eventLoop: eventLoop)
                sink.session = session
                session.start(after: after)
                return NIOLoopBound(sink, eventLoop: eventLoop)
            }.get()
            progress.connections.add(1, ordering: .relaxed)
            for _ in 0..<Int.random(in: 0...20) { await Task.yield() }
            let part = try await eventLoop.submit {
                sink.value.session?.end()
                return Heard(messages: sink.value.heard, gaps: sink.value.gaps, lastID: sink.value.lastID)
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
                    _ = await service.publish(PushMessage(user: "jack", event: event, message: "\(number)"))
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

    @Test("a token stands for one user, whatever the event")
    func users() async throws {
        let hooks = PushHooks { token, event in
            switch token {
            case "mixed": PushUser(event)
            case "good": PushUser("jack")
            case "down": throw PushUnavailable(reason: "down")
            default: nil
            }
        }
        let service = PushService(group: MultiThreadedEventLoopGroup.singleton, hooks: hooks)
        func decision(_ path: String) async throws -> AccessDecision {
            await service.user(of: try self.request(path))
        }
        #expect(try await decision("/sse?event=a&event=b&token=good") == .user(PushUser("jack")))
        #expect(try await decision("/sse?event=a&event=b&token=mixed") == .refused)
        #expect(try await decision("/sse?event=a&token=bad") == .refused)
        #expect(try await decision("/sse?event=a&token=down") == .unavailable)
        #expect(try await decision("/sse?event=a") == .refused)
    }
}
