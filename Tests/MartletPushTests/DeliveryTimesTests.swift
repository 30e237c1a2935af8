import NIOCore
import Testing

@testable import MartletPush

@Suite("Delivery times")
struct DeliveryTimesTests {
    @Test("classes go from 10 µs to some 10 s, four to an octave")
    func bounds() {
        #expect(DeliveryTimes.bounds.first == 1e-5)
        #expect(abs(DeliveryTimes.bounds[4] - 2e-5) < 1e-12)
        #expect((10...11).contains(DeliveryTimes.bounds.last ?? 0))
        #expect(zip(DeliveryTimes.bounds, DeliveryTimes.bounds.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("a time counts in the first class that it fits")
    func classes() {
        let times = DeliveryTimes()
        times.record(.nanoseconds(0))
        times.record(.microseconds(10))
        times.record(.microseconds(11))
        times.record(.hours(1))
        #expect(times.classes.first == 2)
        #expect(times.classes[1] == 1)
        #expect(times.classes.last == 1)
        #expect(times.classes.reduce(0, +) == 4)
        #expect(abs(times.sum - 3600.000021) < 1e-6)
    }
}
