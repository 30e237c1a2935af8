public import ArgumentParser
public import Logging
public import MartletServer
import NIOCore

extension ListenAddress: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

extension TimeAmount {
    /// Reads `1s`, `250ms`, `2m`; a bare number is seconds.
    static func parse(_ text: String) throws -> TimeAmount {
        let units: [(suffix: String, nanoseconds: Double)] = [
            ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("", 1e9),
        ]
        for (suffix, nanoseconds) in units where text.hasSuffix(suffix) {
            guard let value = Double(text.dropLast(suffix.count)), value > 0, value * nanoseconds < 1e17 else {
                continue
            }
            return .nanoseconds(Int64(value * nanoseconds))
        }
        throw ValidationError("\(text) is no duration: write 1s, 250ms or 2m")
    }
}
