import Testing

@testable import MartletPush

@Suite("Transports of sessions")
struct SessionTransportTests {
    @Test("each transport has a number of its own, and there is room for it in counters and tallies")
    func numbers() {
        let numbers = SessionTransport.allCases.map(\.index)
        #expect(Set(numbers).count == numbers.count && numbers.allSatisfy { (0..<8).contains($0) })
        let counters = PushCounters()
        for transport in SessionTransport.allCases {
            var tally = DeliveryTally()
            tally.count(2, transport)
            tally.add(to: counters)
            #expect(counters[.deliveries(transport)] == 2 && counters[.sessions(transport)] == 0)
        }
    }

    @Test("each counter is one of its own")
    func counters() {
        let counters = PushCounters()
        let plain: [PushCounters.Name] = [
            .registrations, .refusedRegistrations, .pushes, .refusedPushes, .drops, .droppedMessages, .refusedSessions,
            .rateLimited, .expiredTokens, .failedPushes,
        ]
        let keyed = SessionTransport.allCases.flatMap { transport -> [PushCounters.Name] in
            [.sessions(transport), .deliveries(transport), .slowConsumers(transport)]
        }
        for name in plain + keyed { counters.add(to: name) }
        #expect((plain + keyed).allSatisfy { counters[$0] == 1 })
    }
}
