import Testing

@testable import MartletPush

@Suite("List of ages")
struct AgeListTests {
    private let channel = ChannelName("alerts#jack")

    @Test("one that becomes empty time and again keeps its memory, unless it is large")
    func memory() {
        var list = AgeList()
        for time in 0..<10 {
            let place = list.append(self.channel, Int64(time))
            #expect(list.oldest?.time == Int64(time) && list.count == 1)
            list.remove(place)
            #expect(list.isEmpty && list.oldest == nil && list.placeCount == 1)
        }
        let places = (0..<65).map { list.append(self.channel, Int64($0)) }
        for place in places { list.remove(place) }
        #expect(list.isEmpty && list.placeCount == 0)
    }

    @Test("places are used again, and the order is that of the times")
    func order() {
        var list = AgeList()
        var kept: [(place: AgeList.Place, time: Int64)] = []
        for time in 0..<2000 {
            if kept.isEmpty || Bool.random() {
                kept.append((list.append(self.channel, Int64(time)), Int64(time)))
            } else {
                list.remove(kept.remove(at: .random(in: 0..<kept.count)).place)
            }
            #expect(list.oldest?.time == kept.first?.time && list.count == kept.count)
        }
        while !kept.isEmpty { list.remove(kept.removeLast().place) }
        #expect(list.isEmpty && list.oldest == nil)
    }
}
