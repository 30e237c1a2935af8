/// A simulated price, in candles: a random walk that is drawn back to its start. Pure.
///
/// Invariant: candles have numbers that follow one another, and each opens where the one before it closed.
struct CandleFeed {
    /// The length of a candle, in milliseconds.
    static let milliseconds = 5000
    /// The time between two changes, in milliseconds.
    static let tickMilliseconds = 250
    /// Candles that are kept.
    static let kept = 48

    private static let start = 100.0

    private(set) var candles: [Candle] = []
    private(set) var tickCount = 0
    private var price = Self.start
    private var generator: any RandomNumberGenerator

    init(generator: any RandomNumberGenerator = SystemRandomNumberGenerator()) { self.generator = generator }

    /// Changes the price.
    ///
    /// - Parameter time: milliseconds since 1970. A clock that goes back opens no candle.
    mutating func tick(at time: Int) {
        let last = self.candles.last?.number
        let number = max(time / Self.milliseconds, last ?? 0)
        // Candles that nobody watched are made up, so that the chart has no holes.
        for missing in max(last.map { $0 + 1 } ?? 0, number - Self.kept)..<max(number, (last ?? -1) + 1) {
            self.open(missing)
            for _ in 0..<(Self.milliseconds / Self.tickMilliseconds) { self.change() }
        }
        if last != number { self.open(number) }
        self.change()
        self.tickCount += 1
    }

    private mutating func open(_ number: Int) {
        self.candles.append(Candle(number: number, price: self.price))
        if self.candles.count > Self.kept { self.candles.removeFirst() }
    }

    private mutating func change() {
        let step = Double.random(in: -0.25...0.25, using: &self.generator)
        self.price = ((self.price + step + (Self.start - self.price) * 0.002) * 100).rounded() / 100
        self.candles[self.candles.count - 1].add(self.price)
    }
}
