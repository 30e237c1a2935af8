import Testing

@testable import MartletPush

@Suite("When publications are gathered")
struct DeliveryPaceTests {
    /// Returns how many publications may be delivered at once until the next turn gathers.
    private func deliveriesAtOnce(_ pace: inout DeliveryPace) -> Int {
        var count = 0
        while count < 1000, pace.mayDeliverAtOnce() { count += 1 }
        return count
    }

    @Test("a loop begins by gathering, and goes on until publications have stayed alone for some turns")
    func beginning() {
        var pace = DeliveryPace()
        for _ in 0..<DeliveryPace.calmTurns {
            #expect(self.deliveriesAtOnce(&pace) == 0)
            pace.gathered(1)
        }
        #expect(self.deliveriesAtOnce(&pace) == DeliveryPace.deliveriesAtOnce)
    }

    @Test("a calm loop gathers now and then, and goes back to gathering when several come together")
    func probes() {
        var pace = DeliveryPace()
        for _ in 0..<DeliveryPace.calmTurns { pace.gathered(1) }
        for _ in 0..<3 {
            #expect(self.deliveriesAtOnce(&pace) == DeliveryPace.deliveriesAtOnce)
            pace.gathered(1)
        }
        pace.gathered(2)
        for _ in 0..<DeliveryPace.calmTurns {
            #expect(self.deliveriesAtOnce(&pace) == 0)
            pace.gathered(1)
        }
        #expect(self.deliveriesAtOnce(&pace) == DeliveryPace.deliveriesAtOnce)
    }
}
