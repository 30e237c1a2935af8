import NIOCore
import Synchronization

/// A histogram of the times that publications took from their arrival until every session's queue, or socket, had them.
/// Safe to use from any thread; a publication costs one addition.
public final class DeliveryTimes: Sendable {
    private final class Count: Sendable { let value = Atomic(0) }

    /// Upper ends of the classes, in seconds; the last class has none. Four to an octave, from 10 µs to 10 s.
    public static let bounds: [Double] = (0...80).map { 1e-5 * Double.pow2(Double($0) / 4) }

    private let counts = (0...DeliveryTimes.bounds.count).map { _ in Count() }
    private let nanoseconds = Count()

    init() {}

    func record(_ time: TimeAmount) {
        let index = Self.index(of: Double(time.nanoseconds) / 1e9)
        self.counts[index].value.wrappingAdd(1, ordering: .relaxed)
        self.nanoseconds.value.wrappingAdd(Int(time.nanoseconds), ordering: .relaxed)
    }

    /// Publications in each class.
    public var classes: [Int] { self.counts.map { $0.value.load(ordering: .relaxed) } }

    /// The sum of the times of all publications, in seconds.
    public var sum: Double { Double(self.nanoseconds.value.load(ordering: .relaxed)) / 1e9 }

    private static func index(of seconds: Double) -> Int {
        var low = 0
        var high = Self.bounds.count
        while low < high {
            let middle = (low + high) / 2
            if seconds <= Self.bounds[middle] { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension Double {
    /// Returns two to a power that is a multiple of a quarter, without a mathematical library.
    fileprivate static func pow2(_ exponent: Double) -> Double {
        let whole = Int(exponent)
        let quarter = 1.189_207_115_002_721
        var value = Double(1 << whole)
        for _ in 0..<Int((exponent - Double(whole)) * 4) { value *= quarter }
        return value
    }
}
