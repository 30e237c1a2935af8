/// The last samples of all figures, each with its number, in memory that is taken once. Pure.
///
/// Invariant: the numbers that it holds follow one another and end with ``newest``; a sample without values is missing.
struct SampleRing: Sendable {
    private let capacity: Int
    private let classCount: Int
    /// The values, one sample after the other; not a number where one is missing.
    private var values: [Float]
    /// The number of publications in each class of delivery times, one sample after the other.
    private var classes: [UInt32]
    /// The number of the newest sample; -1 before the first.
    private(set) var newest = -1

    init(capacity: Int, classCount: Int) {
        self.capacity = capacity
        self.classCount = classCount
        self.values = [Float](repeating: .nan, count: capacity * Figure.allCases.count)
        self.classes = [UInt32](repeating: 0, count: capacity * classCount)
    }

    /// The memory that it takes, in bytes.
    var size: Int { self.values.count * MemoryLayout<Float>.size + self.classes.count * MemoryLayout<UInt32>.size }

    /// Moves on to a later number. Samples between are missing, and so is the new one until it is set.
    mutating func advance(to number: Int) {
        guard number > self.newest else { return }
        for number in max(self.newest + 1, number - self.capacity + 1)...number {
            let slot = number % self.capacity
            for figure in Figure.allCases { self.values[slot * Figure.allCases.count + figure.rawValue] = .nan }
            for index in 0..<self.classCount { self.classes[slot * self.classCount + index] = 0 }
        }
        self.newest = number
    }

    /// The value of a figure in a sample; `nil` when it is missing.
    subscript(_ figure: Figure, at number: Int) -> Float? {
        guard self.holds(number) else { return nil }
        let value = self.values[(number % self.capacity) * Figure.allCases.count + figure.rawValue]
        return value.isNaN ? nil : value
    }

    /// Sets the value of a figure in the newest sample.
    mutating func set(_ figure: Figure, _ value: Float) {
        guard self.newest >= 0 else { return }
        self.values[(self.newest % self.capacity) * Figure.allCases.count + figure.rawValue] = value
    }

    /// The publications of a sample by the class of their delivery time.
    func deliveryTimes(at number: Int) -> ArraySlice<UInt32> {
        guard self.holds(number) else { return [] }
        let start = (number % self.capacity) * self.classCount
        return self.classes[start..<start + self.classCount]
    }

    /// Adds publications to the newest sample.
    mutating func add(deliveryTimes: [UInt32]) {
        guard self.newest >= 0 else { return }
        let start = (self.newest % self.capacity) * self.classCount
        for (index, count) in deliveryTimes.prefix(self.classCount).enumerated() {
            self.classes[start + index] &+= count
        }
    }

    private func holds(_ number: Int) -> Bool {
        number >= 0 && number <= self.newest && number > self.newest - self.capacity
    }
}
