import NIOCore
import Synchronization
import Testing

@testable import MartletHTTP

@Suite("Connections that have proved nothing")
struct UnprovenConnectionsTests {
    private final class Closed: Sendable {
        let numbers = Mutex<[Int]>([])
    }

    private let closed = Closed()

    private func place(_ limiter: ConnectionLimiter, _ number: Int, _ address: String = "192.0.2.1") -> ConnectionPlace?
    {
        limiter.admitConnection(from: address) { self.closed.numbers.withLock { $0.append(number) } }
    }

    @Test("make room for others when there is none: the oldest on which nothing is under way")
    func room() throws {
        let limiter = ConnectionLimiter(total: 4)
        let places = try (0..<4).map { try #require(self.place(limiter, $0)) }
        places[0].activity = .busy
        places[1].prove()
        places[2].activity = .answered
        #expect(self.place(limiter, 4) != nil)
        #expect(self.closed.numbers.withLock { $0 } == [2])
        places[3].activity = .leaving
        #expect(self.place(limiter, 5) != nil)
        #expect(self.closed.numbers.withLock { $0 } == [2, 3])
        #expect(limiter.count == 4 && limiter.madeRoom == 2)
        // Those that made room were counted out then.
        places[2].end()
        places[3].end()
        #expect(limiter.count == 4)
        places[0].end()
        places[1].end()
        #expect(limiter.count == 2)
    }

    @Test("and none is left where all have proved something or are at work: there is no room")
    func noRoom() throws {
        let limiter = ConnectionLimiter(total: 3)
        let places = try (0..<3).map { try #require(self.place(limiter, $0)) }
        places[0].prove()
        places[1].activity = .busy
        places[2].activity = .busy
        #expect(self.place(limiter, 3) == nil)
        places[1].activity = .idle
        #expect(self.place(limiter, 4) != nil)
    }

    @Test("of one address are looked at first, and of another later")
    func order() throws {
        var connections = UnprovenConnections()
        let limiter = ConnectionLimiter()
        let start = NIODeadline.uptimeNanoseconds(1)
        let addresses = ["a", "b", "a", "b"]
        for (index, address) in addresses.enumerated() {
            connections.add(
                ConnectionPlace(UInt64(index), limiter, address: address, openedAt: start + .milliseconds(Int64(index)))
                {})
        }
        // Their first request may be on its way.
        #expect(connections.takeOldest(of: "b", at: start + .milliseconds(500), isFull: false) == nil)
        let later = start + .seconds(2)
        #expect(connections.takeOldest(of: "b", at: later, isFull: false)?.number == 1)
        #expect(connections.takeOldest(of: nil, at: later, isFull: false)?.number == 0)
        #expect(connections.takeOldest(of: nil, at: later, isFull: false)?.number == 2)
        #expect(connections.count == 1 && connections.count(of: "a") == 0 && connections.count(of: "b") == 1)
    }

    private static let start = NIODeadline.uptimeNanoseconds(1)

    private static func place(_ number: Int, _ limiter: ConnectionLimiter, _ address: String) -> ConnectionPlace {
        ConnectionPlace(UInt64(number), limiter, address: address, openedAt: Self.start) {}
    }

    @Test("are not all looked at for each connection that comes: those at work have their turn again after the others")
    func bounded() throws {
        var connections = UnprovenConnections()
        let limiter = ConnectionLimiter()
        let busy = 2 * UnprovenConnections.choice - 10
        for number in 0..<busy {
            let place = Self.place(number, limiter, "a")
            place.activity = .busy
            connections.add(place)
        }
        let silent = Self.place(busy, limiter, "b")
        connections.add(silent)
        let later = Self.start + .seconds(2)
        #expect(connections.takeOldest(of: nil, at: later, isFull: false) == nil)
        let taken = connections.takeOldest(of: nil, at: later, isFull: false)
        #expect(taken === silent)
        #expect(connections.count == busy)
        // Where there is no room at all, one at work is taken; and still none is lost.
        for left in (0..<busy).reversed() {
            #expect(connections.takeOldest(of: nil, at: later, isFull: true) != nil)
            #expect(connections.count == left && connections.count(of: "a") == left)
        }
        #expect(connections.takeOldest(of: nil, at: later, isFull: true) == nil)
    }

    @Test("of one address are found however many others are older, and however many have gone")
    func ofOneAddress() throws {
        var connections = UnprovenConnections()
        let limiter = ConnectionLimiter()
        let first = Self.place(0, limiter, "b")
        first.activity = .busy
        connections.add(first)
        for number in 1...1000 { connections.add(Self.place(number, limiter, number <= 500 ? "a" : "b")) }
        var gone: [ConnectionPlace] = []
        for number in 1001...1060 {
            let place = Self.place(number, limiter, "b")
            connections.add(place)
            gone.append(place)
        }
        for place in gone { connections.remove(place) }
        let later = Self.start + .seconds(2)
        #expect(connections.takeOldest(of: "b", at: later, isFull: false)?.number == 501)
        #expect(connections.takeOldest(of: "c", at: later, isFull: false) == nil)
        #expect(connections.count(of: "b") == 500 && connections.count(of: "a") == 500)
    }
}
