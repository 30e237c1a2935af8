/// Values as a file has them.
package enum ConfigurationText {
    /// `250ms`, `90s`, `10m`, `1h`.
    package static func time(_ nanoseconds: Int64) -> String {
        let second: Int64 = 1_000_000_000
        for (unit, length) in [("h", 3600 * second), ("m", 60 * second)]
        where nanoseconds > length && nanoseconds % length == 0 { return "\(nanoseconds / length)\(unit)" }
        return nanoseconds % second == 0 ? "\(nanoseconds / second)s" : "\(nanoseconds / 1_000_000)ms"
    }

    /// `4096`, `64KiB`, `1MiB`.
    package static func size(_ bytes: Int) -> String {
        for (unit, factor) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= factor && bytes % factor == 0 { return "\(bytes / factor)\(unit)" }
        return "\(bytes)"
    }

    static func number(_ value: Double) -> String { value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)" }
}
