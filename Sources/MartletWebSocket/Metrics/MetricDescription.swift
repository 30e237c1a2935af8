/// The description of a metric: what swift-metrics has no place for, and the series that exist before anything is
/// counted.
package struct MetricDescription: Sendable {
    package enum Kind: Sendable {
        case counter
        case meter
        case recorder
        case timer
    }

    /// The label for swift-metrics.
    package let label: String
    package let kind: Kind
    /// The sentence that monitoring systems show.
    package let help: String
    /// The dimensions of each series that exists from the start.
    package let series: [[(String, String)]]

    /// - Parameter series: default: one without dimensions.
    package init(_ label: String, _ kind: Kind, _ help: String, series: [[(String, String)]] = [[]]) {
        self.label = label
        self.kind = kind
        self.help = help
        self.series = series
    }
}
