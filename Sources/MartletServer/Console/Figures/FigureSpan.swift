/// A time up to now that the console can show.
enum FigureSpan: String, Sendable, CaseIterable {
    case tenMinutes = "10m"
    case hour = "1h"
    case day = "24h"

    /// The time from one sample to the next, in seconds.
    var step: Int { self == .tenMinutes ? 1 : 60 }

    /// The number of samples.
    var count: Int {
        switch self {
        case .tenMinutes: 600
        case .hour: 60
        case .day: 1440
        }
    }
}
