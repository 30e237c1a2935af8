/// The prices of an interval: the first, the highest, the lowest and the last.
struct Candle: Encodable, Hashable {
    /// The number of the interval, counted from 1970.
    let number: Int
    private(set) var open: Double
    private(set) var high: Double
    private(set) var low: Double
    private(set) var close: Double

    init(number: Int, price: Double) {
        self.number = number
        self.open = price
        self.high = price
        self.low = price
        self.close = price
    }

    mutating func add(_ price: Double) {
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
    }
}
