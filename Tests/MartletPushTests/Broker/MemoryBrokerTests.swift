import NIOCore
import Synchronization
import Testing

@testable import MartletPush

@Suite("What the memory broker keeps")
struct MemoryBrokerTests {
    private final class Receiver: BrokerReceiver {
        let publications = Mutex<[Publication]>([])

        func received(_ publication: Publication, in channel: ChannelName) {
            self.publications.withLock { $0.append(publication) }
        }

        func interrupted(_ channels: [ChannelName]?) {}
    }

    /// A broker in time that the test moves.
    private final class Bench: Sendable {
        private final class Clock: Sendable { let time = Atomic<Int64>(1_000_000_000_000) }

        private let clock = Clock()
        let receiver = Receiver()
        let broker: MemoryBroker

        init(_ configuration: HistoryConfiguration = .init(), startedAt: Int = 0) {
            self.broker = MemoryBroker(configuration, startedAt: startedAt) { [clock] in
                clock.time.load(ordering: .relaxed)
            }
            self.broker.attach(self.receiver)
        }

        func pass(_ amount: TimeAmount) { self.clock.time.add(amount.nanoseconds, ordering: .relaxed) }

        @discardableResult
        func publish(_ data: String, to event: String = "alerts") -> StreamPosition? {
            self.broker.publish(
                data, to: UserChannel(user: "jack", event: event).name, receipt: ReceiptID(node: 0, number: 0)
            ) { _ in }
            return self.receiver.publications.withLock { $0.last?.position }
        }

        func history(since position: StreamPosition?, of event: String = "alerts") -> History {
            let answer = Mutex<History?>(nil)
            self.broker.history(of: UserChannel(user: "jack", event: event).name, since: position) { result in
                answer.withLock { $0 = try? result.get() }
            }
            return answer.withLock { $0! }
        }
    }

    @Test("offsets count from one in each channel, and what followed a position is told")
    func offsets() throws {
        let bench = Bench()
        let before = try #require(bench.history(since: nil).position)
        #expect(before.offset == 0)
        let first = try #require(bench.publish("a"))
        bench.publish("x", to: "news")
        let second = try #require(bench.publish("b"))
        #expect((first.offset, second.offset) == (1, 2) && first.epoch == second.epoch)
        #expect(bench.history(since: before).publications.map(\.data) == ["a", "b"])
        #expect(bench.history(since: before).isComplete)
        #expect(bench.history(since: first).publications.map(\.data) == ["b"])
        let last = bench.history(since: second)
        #expect(last.publications.isEmpty && last.isComplete && last.position == second)
        #expect(bench.history(since: nil).publications.isEmpty)
    }

    @Test(
        "publishers on several threads: each publication is handed on once, in the order of the offsets",
        .timeLimit(.minutes(1)))
    func threads() async throws {
        let bench = Bench()
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask {
                    for number in 0..<500 {
                        bench.broker.publish(
                            "\(number)", to: UserChannel(user: "jack", event: "alerts").name,
                            receipt: ReceiptID(node: 0, number: 0)
                        ) { _ in }
                    }
                }
            }
        }
        // The last ones may be on their way on another thread.
        while bench.receiver.publications.withLock({ $0.count }) < 2000 { await Task.yield() }
        let offsets = bench.receiver.publications.withLock { $0.compactMap { $0.position?.offset } }
        #expect(offsets == Array(1...2000))
    }

    @Test("beyond the size, and beyond the age, there is a gap")
    func limits() throws {
        var configuration = HistoryConfiguration()
        configuration.size = 3
        let bench = Bench(configuration)
        let first = try #require(bench.publish("0"))
        for number in 1...3 { bench.publish("\(number)") }
        #expect(bench.history(since: first).isComplete)
        bench.publish("4")
        let history = bench.history(since: first)
        #expect(history.publications.map(\.data) == ["2", "3", "4"] && !history.isComplete)
        bench.pass(.seconds(30))
        let late = try #require(bench.publish("5"))
        bench.pass(.seconds(31))
        #expect(bench.history(since: first).publications.map(\.data) == ["5"])
        #expect(bench.history(since: late).isComplete)
        bench.broker.sweep()
        let size = bench.broker.size
        bench.pass(.seconds(30))
        bench.broker.sweep()
        #expect(size.bytes - bench.broker.size.bytes == 201 && bench.broker.size.channels == 1)
        #expect(bench.history(since: late).isComplete)
    }

    @Test("a channel that was forgotten begins anew, and nobody takes it for the old one")
    func forgotten() throws {
        let bench = Bench()
        let old = try #require(bench.publish("a"))
        let empty = try #require(bench.history(since: nil, of: "news").position)
        #expect(bench.history(since: empty, of: "news").isComplete)
        bench.pass(.minutes(30))
        #expect(bench.history(since: empty, of: "news").isComplete)
        bench.pass(.minutes(2))
        bench.broker.sweep()
        bench.pass(.minutes(61))
        bench.broker.sweep()
        #expect(bench.broker.size == (0, 0))
        #expect(!bench.history(since: old).isComplete)
        // So long ago, it may have been this channel that was forgotten.
        #expect(!bench.history(since: empty, of: "news").isComplete)
        let new = try #require(bench.publish("b"))
        #expect(new.offset == 1 && new.epoch != old.epoch)
        #expect(!bench.history(since: old).isComplete)
        #expect(bench.history(since: old).publications.map(\.data) == ["b"])
    }

    @Test("a position of the future, or of another epoch, is a gap")
    func wrong() throws {
        let bench = Bench()
        let position = try #require(bench.publish("a"))
        for wrong in [
            StreamPosition(epoch: position.epoch, offset: 2), StreamPosition(epoch: position.epoch + "x", offset: 1),
            StreamPosition(epoch: position.epoch, offset: .max),
        ] {
            let history = bench.history(since: wrong)
            #expect(!history.isComplete && history.publications.map(\.data) == ["a"])
        }
    }

    @Test("all messages together take no more than their bytes, and the oldest go first")
    func bytes() {
        var configuration = HistoryConfiguration()
        // Of 20 channels with names of 11 to 12 bytes, and ten publications.
        configuration.maximumBytes = 20 * 512 + 10 * 210
        let bench = Bench(configuration)
        for number in 0..<50 {
            bench.publish(String(repeating: "\(number % 10)", count: 10), to: "event \(number % 20)")
        }
        #expect(bench.broker.size.bytes <= configuration.maximumBytes)
        let kept = (0..<20).flatMap { event in
            bench.history(since: StreamPosition.nowhere, of: "event \(event)").publications
        }
        #expect((9...11).contains(kept.count))
        bench.publish(String(repeating: "x", count: 10_000))
        #expect(bench.broker.size.bytes <= configuration.maximumBytes)
    }

    @Test("channels without end take no memory without end, and whoever was told of one is told of a gap")
    func manyChannels() throws {
        var configuration = HistoryConfiguration()
        configuration.maximumBytes = 50_000
        let bench = Bench(configuration)
        let before = try #require(bench.history(since: nil, of: "quiet").position)
        for number in 0..<10_000 {
            bench.publish("x", to: "event \(number)")
            #expect(bench.broker.size.bytes <= 51_000)
        }
        #expect(!bench.history(since: before, of: "quiet").isComplete)
    }

    @Test("of many long names a few are forgotten with each publication, and never many at once")
    func longNames() throws {
        var configuration = HistoryConfiguration()
        configuration.maximumBytes = 1 << 20
        let bench = Bench(configuration)
        let name = String(repeating: "n", count: 8192)
        let first = try #require(bench.publish("x", to: "\(name) first"))
        var known = 0
        for number in 0..<1000 {
            bench.publish("x", to: "\(name) \(number)")
            let size = bench.broker.size
            #expect(size.bytes <= configuration.maximumBytes && size.channels >= known - 2)
            known = size.channels
        }
        #expect(known > 100, "the limit is made use of")
        // The first one has gone long ago: whoever knows its position is told of a gap.
        #expect(!bench.history(since: first, of: "\(name) first").isComplete)
        bench.publish("y", to: "\(name) first")
        #expect(!bench.history(since: first, of: "\(name) first").isComplete)
    }

    @Test("a client of a silent channel is told of no gap because another channel was forgotten")
    func silent() throws {
        let bench = Bench()
        let quiet = try #require(bench.history(since: nil, of: "quiet").position)
        bench.publish("x", to: "other")
        for _ in 0..<9 {
            bench.pass(.minutes(6))
            bench.broker.sweep()
            #expect(bench.history(since: quiet, of: "quiet").isComplete)
        }
        bench.publish("first", to: "quiet")
        let history = bench.history(since: quiet, of: "quiet")
        #expect(history.isComplete && history.publications.map(\.data) == ["first"])
    }

    @Test("without history there are no positions")
    func off() {
        let bench = Bench(.off)
        #expect(bench.publish("a") == nil)
        #expect(bench.history(since: nil).position == nil)
        #expect(!bench.history(since: StreamPosition(epoch: "1", offset: 0)).isComplete)
        #expect(bench.broker.size == (0, 0))
    }

    @Test("many channels, sizes and ages: memory is given back, and histories agree with a plain list")
    func random() throws {
        var configuration = HistoryConfiguration()
        configuration.size = 5
        configuration.age = .seconds(10)
        configuration.maximumBytes = 8000
        let bench = Bench(configuration)
        var all: [String: [(position: StreamPosition, data: String)]] = [:]
        for step in 0..<5000 {
            bench.pass(.milliseconds(Int64.random(in: 0...400)))
            let event = "\(Int.random(in: 0..<10))"
            let data = "\(step)" + String(repeating: "x", count: .random(in: 0...20))
            let position = try #require(bench.publish(data, to: event))
            all[event, default: []].append((position, data))
            let since = all[event]!.randomElement()!
            let history = bench.history(since: since.position, of: event)
            let expected = all[event]!.drop { $0.position != since.position }.dropFirst().map(\.data)
            #expect(expected.suffix(history.publications.count) == history.publications.map(\.data)[...])
            #expect(history.isComplete == (expected.count == history.publications.count))
            #expect(bench.broker.size.bytes <= 8000)
        }
        bench.pass(.minutes(62))
        bench.broker.sweep()
        bench.pass(.minutes(62))
        bench.broker.sweep()
        #expect(bench.broker.size == (0, 0))
    }

    @Test(
        "whoever was up to date when the process before ended gets what came since, and is told of a gap when some has gone"
    )
    func beginning() throws {
        let bench = Bench(startedAt: 1000)
        let before = StreamPosition.beginning(after: 995)
        #expect(before.endOfProcess == 995 && StreamPosition(Substring(before.description)) == before)
        #expect(bench.history(since: before).isComplete && bench.history(since: before).publications.isEmpty)
        bench.publish("a")
        bench.publish("b")
        var history = bench.history(since: before)
        #expect(history.isComplete && history.publications.map(\.data) == ["a", "b"])
        // Another process may have been there in between.
        #expect(!bench.history(since: .beginning(after: 980)).isComplete)
        #expect(!bench.history(since: .beginning(after: 980), of: "quiet").isComplete)
        for (end, isComplete) in [(989, false), (990, true), (1000 + 3600, true), (1000 + 3601, false)] {
            #expect(bench.history(since: .beginning(after: end), of: "quiet").isComplete == isComplete)
        }
        for number in 0..<100 { bench.publish("\(number)") }
        history = bench.history(since: before)
        #expect(!history.isComplete && history.publications.count == 100)
        bench.pass(.hours(2))
        bench.broker.sweep()
        #expect(!bench.history(since: before).isComplete)
    }

    @Test(
        "an end of a process that no process can have told is an unknown position",
        arguments: [
            "-1y2p0ij32e8e7", "-\(String(UInt64.max, radix: 36))", "-zzzzzzzzzzzzzzzzzz", "-2s", "--rs", "-+rs", "-0rs",
            "-RS", "-", "--",
        ])
    func madeUpEnds(epoch: String) {
        let bench = Bench(startedAt: 1000)
        let position = StreamPosition(epoch: epoch, offset: 0)
        #expect(!bench.history(since: position, of: "quiet").isComplete)
        bench.publish("a")
        let history = bench.history(since: position)
        #expect(!history.isComplete && history.publications.map(\.data) == ["a"])
    }

    @Test("the end of a process is read only as it is written")
    func ends() {
        for end in [0, 995, Int.max] { #expect(StreamPosition.beginning(after: end).endOfProcess == end) }
        for epoch in ["--1", "-+1", "-01", "-A", "-", "1", "-1y2p0ij32e8e8"] {
            #expect(StreamPosition(epoch: epoch, offset: 0).endOfProcess == nil)
        }
        #expect(StreamPosition(epoch: "-1", offset: 1).endOfProcess == nil)
    }

    @Test("a hot channel has no more entries than publications that are kept, whatever its name")
    func entries() {
        let bench = Bench()
        let event = String(repeating: "x", count: 200)
        for number in 0..<10_000 { bench.publish("\(number)", to: event) }
        #expect(bench.broker.entryCount == 100)
        bench.pass(.seconds(61))
        bench.broker.sweep()
        #expect(bench.broker.entryCount == 1)  // the channel, which is empty
        for _ in 0..<100 {
            bench.publish("x", to: event)
            bench.pass(.seconds(61))
            bench.broker.sweep()
        }
        #expect(bench.broker.entryCount == 1)
    }
}
