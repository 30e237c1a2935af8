public import ArgumentParser
public import Logging
public import MartletHTTP
import MartletWebSocket
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
            guard let value = Double(text.dropLast(suffix.count)), value * nanoseconds >= 1e6,
                value * nanoseconds < 1e17
            else {
                continue
            }
            return .nanoseconds(Int64((value * nanoseconds).rounded()))
        }
        throw ValidationError("\(text) is no duration of at least 1 ms: write 1s, 250ms or 2m")
    }
}

extension OriginPolicy {
    /// The policy that `--origin` says: nothing, origins, or `*` for any. Pages of the same host may always connect.
    static func parse(_ options: [String]) throws -> OriginPolicy {
        if options.contains("*") { return .any }
        for option in options where !OriginPolicy.isOrigin(option) {
            throw ValidationError("\(option) is no origin: write https://example.com or http://localhost:3000")
        }
        return .sameHost.or(.allow(options))
    }
}
