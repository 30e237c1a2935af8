import Synchronization
import Testing

@testable import MartletPush

@Suite("The sessions of a user")
struct UserSessionsTests {
    /// The names of the sessions that were ended.
    private final class Ended: Sendable {
        private let names = Mutex<[String]>([])

        var all: [String] { self.names.withLock { $0 } }

        func end(_ name: String) -> UserPlaces.End {
            { self.names.withLock { $0.append(name) } }
        }
    }

    private let sessions = UserSessions()
    private let user = ExactString("jack")
    private let ended = Ended()

    @Test("one too many is refused, until another has gone")
    func refused() {
        var first = self.sessions.place(for: self.user, atMost: 1, .refuse)
        #expect(first != nil && self.sessions.place(for: self.user, atMost: 1, .refuse) == nil)
        #expect(self.sessions.place(for: ExactString("jill"), atMost: 1, .refuse) != nil)
        first = nil
        #expect(first == nil && self.sessions.count == 0)
        #expect(self.sessions.place(for: self.user, atMost: 1, .refuse) != nil)
    }

    @Test("the policy is asked when a place is: sessions that began under another one make room, too")
    func policy() {
        let first = self.sessions.place(for: self.user, atMost: 2, .refuse)
        first?.onReplaced(self.ended.end("first"))
        let second = self.sessions.place(for: self.user, atMost: .max, .refuse)
        second?.onReplaced(self.ended.end("second"))
        let third = self.sessions.place(for: self.user, atMost: 2, .closeOldest)
        third?.onReplaced(self.ended.end("third"))
        #expect(first != nil && second != nil && third != nil && self.ended.all == ["first"])
    }

    @Test("a session that is being set up does not end, and keeps its turn among the oldest")
    func settingUp() {
        let first = self.sessions.place(for: self.user, atMost: 2, .closeOldest)
        let second = self.sessions.place(for: self.user, atMost: 2, .closeOldest)
        #expect(self.sessions.place(for: self.user, atMost: 2, .closeOldest) == nil)
        second?.onReplaced(self.ended.end("second"))
        let third = self.sessions.place(for: self.user, atMost: 2, .closeOldest)
        third?.onReplaced(self.ended.end("third"))
        first?.onReplaced(self.ended.end("first"))
        let fourth = self.sessions.place(for: self.user, atMost: 2, .closeOldest)
        #expect(first != nil && third != nil && fourth != nil && self.ended.all == ["second", "first"])
    }

    @Test("a place that a newer session took is not given back twice")
    func takenOver() {
        var first = self.sessions.place(for: self.user, atMost: 1, .closeOldest)
        first?.onReplaced(self.ended.end("first"))
        let second = self.sessions.place(for: self.user, atMost: 1, .closeOldest)
        #expect(first != nil && second != nil)
        first = nil
        #expect(first == nil && self.sessions.place(for: self.user, atMost: 1, .refuse) == nil)
    }

    @Test("places are given back and asked for on several threads at once", .timeLimit(.minutes(1)))
    func threads() async {
        let (sessions, user) = (self.sessions, self.user)
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask {
                    for number in 0..<5000 {
                        let place = sessions.place(for: user, atMost: 4, .closeOldest)
                        if number % 3 > 0 { place?.onReplaced {} }
                    }
                }
            }
        }
        #expect(sessions.count == 0)
    }

    @Test("places agree with a plain list, in whatever order sessions come, are ready, and go")
    func random() {
        var places = UserPlaces()
        var list: [(number: UInt64, isReady: Bool)] = []
        for number in 1...UInt64(5000) {
            switch Int.random(in: 0...4) {
            case 0, 1:
                places.append(number)
                list.append((number, false))
            case 2:
                guard let index = list.indices.randomElement() else { continue }
                places.set(self.ended.end("\(list[index].number)"), of: list[index].number)
                list[index].isReady = true
            case 3:
                guard let index = list.indices.randomElement() else { continue }
                let one = list.remove(at: index)
                let end = places.remove(one.number)
                let again = places.remove(one.number)
                #expect((end != nil) == one.isReady && again == nil)
            default:
                let index = list.firstIndex { $0.isReady }
                let end = places.removeOldest()
                end?()
                #expect((end != nil) == (index != nil))
                guard let index else { continue }
                let oldest = list.remove(at: index)
                #expect(self.ended.all.last == "\(oldest.number)")
            }
            #expect(places.count == list.count)
        }
    }
}
