/// The figures of a moment: values, and counts since the start.
struct FigureTotals: Sendable {
    private var values = [Double](repeating: 0, count: Figure.allCases.count)
    /// Publications since the start by the class of their delivery time.
    let deliveryTimes: [Int]

    init(deliveryTimes: [Int]) { self.deliveryTimes = deliveryTimes }

    subscript(_ figure: Figure) -> Double {
        get { self.values[figure.rawValue] }
        set { self.values[figure.rawValue] = newValue }
    }
}
