/// Values as a file has them.
package enum ConfigurationText {
    /// `250ms`, `90s`, `10m`, `1h`.
    package static func time(_ nanoseconds: Int64) -> String {
        let second: Int64 = 1_000_000_000
        let (minute, hour) = (60 * second, 3600 * second)
        if nanoseconds >= hour, nanoseconds % hour == 0 { return "\(nanoseconds / hour)h" }
        if nanoseconds > minute, nanoseconds % minute == 0 { return "\(nanoseconds / minute)m" }
        return nanoseconds % second == 0 ? "\(nanoseconds / second)s" : "\(nanoseconds / 1_000_000)ms"
    }

    /// `4096`, `64KiB`, `1MiB`.
    package static func size(_ bytes: Int) -> String {
        for (unit, factor) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= factor && bytes % factor == 0 { return "\(bytes / factor)\(unit)" }
        return "\(bytes)"
    }

    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }
}
