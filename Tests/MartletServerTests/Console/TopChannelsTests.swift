import Testing

@testable import MartletServer

@Suite("Top channels")
struct TopChannelsTests {
    private static func channel(_ name: String, _ subscribers: Int, _ rate: Double?) -> TopChannels.Channel {
        TopChannels.Channel(name: name, subscribers: subscribers, rate: rate)
    }

    @Test("the most come first, equal ones by name, and silent ones have no place among the busy")
    func order() {
        let channels = [
            Self.channel("d", 1, nil), Self.channel("b", 5, 0), Self.channel("c", 9, 2), Self.channel("a", 5, 30),
        ]
        let top = TopChannels(channels, count: 3, isComplete: true)
        #expect(top.bySubscribers.map(\.name) == ["c", "a", "b"])
        #expect(top.byPublications.map(\.name) == ["a", "c"])
    }

    @Test("no more are kept than are shown")
    func count() {
        let channels = (0..<1000).map { Self.channel("\($0)", $0, nil) }
        let top = TopChannels(channels, count: 10, isComplete: false)
        #expect(top.bySubscribers.map(\.subscribers) == Array((990..<1000).reversed()))
        #expect(top.byPublications.isEmpty)
    }
}
