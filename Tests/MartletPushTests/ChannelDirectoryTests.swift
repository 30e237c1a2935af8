import NIOCore
import NIOEmbedded
import Testing

@testable import MartletPush

@Suite("Channel directory")
struct ChannelDirectoryTests {
    private static let channel = ChannelName("alerts#jack")

    /// A directory, and the answers that its waiters got.
    private final class Bench {
        private let loop = EmbeddedEventLoop()
        var directory = ChannelDirectory(isInProcess: false)
        var told: [BrokerError?] = []

        func target() -> ChannelDirectory.Target {
            .init(
                shard: Hub.Shard(self.loop, heartbeat: .seconds(15)),
                subscribers: ChannelSubscribers(ChannelDirectoryTests.channel))
        }

        func add(_ target: ChannelDirectory.Target) { self.directory.add(target, to: ChannelDirectoryTests.channel) }

        /// - Returns: whether there is nothing to wait for.
        func wait() -> Bool {
            let waiter = Hub.Waiter(
                eventLoop: self.loop, completion: NIOLoopBound({ self.told.append($0) }, eventLoop: self.loop))
            return self.directory.wait(for: ChannelDirectoryTests.channel, waiter)
        }

        /// - Returns: how many were told.
        func answer(_ number: UInt64, isConfirmed: Bool) -> Int {
            let waiting = self.directory.answered(
                ChannelDirectoryTests.channel, number: number, isConfirmed: isConfirmed)
            for waiter in waiting { waiter.tell(nil) }
            return waiting.count
        }

        func beginCalls() -> Bool { self.directory.beginCalls() }
        func nextCall() -> ChannelDirectory.Call? { self.directory.nextCall() }

        func calls() -> [ChannelDirectory.Call] {
            guard self.beginCalls() else { return [] }
            var calls: [ChannelDirectory.Call] = []
            while let call = self.nextCall() { calls.append(call) }
            return calls
        }
    }

    private let bench = Bench()

    @Test("the broker is asked once for all loops, and told when the last subscriber has gone")
    func once() {
        let (first, second) = (self.bench.target(), self.bench.target())
        self.bench.add(first)
        self.bench.add(second)
        #expect(self.bench.calls() == [.subscribe(Self.channel, number: 1)])
        #expect(self.bench.directory.targets(of: Self.channel)?.count == 2)
        self.bench.directory.remove(first.shard, from: Self.channel)
        #expect(self.bench.calls() == [])
        self.bench.directory.remove(second.shard, from: Self.channel)
        #expect(self.bench.calls() == [.unsubscribe(Self.channel)])
        #expect(self.bench.directory.count == 0 && self.bench.directory.targets(of: Self.channel) == nil)
    }

    @Test("a broker in this process is not asked, and nobody waits")
    func inProcess() {
        self.bench.directory = ChannelDirectory(isInProcess: true)
        let target = self.bench.target()
        self.bench.add(target)
        #expect(self.bench.wait() && self.bench.directory.isConfirmed(Self.channel))
        self.bench.directory.remove(target.shard, from: Self.channel)
        #expect(!self.bench.beginCalls() && !self.bench.directory.isConfirmed(Self.channel))
    }

    @Test("subscribers wait until the broker has confirmed; later ones do not")
    func confirmed() {
        self.bench.add(self.bench.target())
        #expect(!self.bench.wait())
        #expect(!self.bench.wait())
        #expect(self.bench.answer(1, isConfirmed: true) == 2)
        #expect(self.bench.told.count == 2)
        #expect(self.bench.wait())
        #expect(self.bench.answer(1, isConfirmed: true) == 0)
    }

    @Test("after a failure the next subscriber asks again, even before those who were told have gone")
    func failed() {
        self.bench.add(self.bench.target())
        #expect(!self.bench.wait())
        #expect(self.bench.calls().count == 1)
        #expect(self.bench.answer(1, isConfirmed: false) == 1)
        #expect(!self.bench.wait())
        #expect(self.bench.calls() == [.subscribe(Self.channel, number: 2)])
        #expect(self.bench.answer(2, isConfirmed: true) == 1)
    }

    @Test("an answer that comes late is not taken for that of a later subscription")
    func late() {
        let first = self.bench.target()
        self.bench.add(first)
        self.bench.directory.remove(first.shard, from: Self.channel)
        self.bench.add(self.bench.target())
        #expect(!self.bench.wait())
        let calls: [ChannelDirectory.Call] = [
            .subscribe(Self.channel, number: 1), .unsubscribe(Self.channel), .subscribe(Self.channel, number: 2),
        ]
        #expect(self.bench.calls() == calls)
        #expect(self.bench.answer(1, isConfirmed: false) == 0)
        #expect(self.bench.answer(2, isConfirmed: true) == 1)
    }

    @Test("calls are made by one thread at a time, in their order")
    func order() {
        self.bench.add(self.bench.target())
        #expect(self.bench.beginCalls())
        #expect(!self.bench.beginCalls())
        #expect(self.bench.nextCall() == .subscribe(Self.channel, number: 1))
        self.bench.directory.add(self.bench.target(), to: ChannelName("b"))
        #expect(!self.bench.beginCalls(), "the other thread goes on")
        #expect(self.bench.nextCall() == .subscribe(ChannelName("b"), number: 2))
        #expect(self.bench.nextCall() == nil)
        #expect(!self.bench.beginCalls())
    }
}
