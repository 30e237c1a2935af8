#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Times as logs and HTTP write them, in UTC.
package enum UTCTime {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Since 1970, nanoseconds.
    package static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// `2026-11-21T12:30:00.123Z`
    package static func iso8601(_ time: Int64) -> String {
        let parts = Self.parts(time)
        return "\(parts.tm_year + 1900)-\(Self.two(parts.tm_mon + 1))-\(Self.two(parts.tm_mday))T"
            + "\(Self.clock(parts)).\(Self.three(time / 1_000_000 % 1000))Z"
    }

    /// `21/Nov/2026:12:30:00 +0000`
    package static func common(_ time: Int64) -> String {
        let parts = Self.parts(time)
        return "\(Self.two(parts.tm_mday))/\(Self.months[Int(parts.tm_mon)])/\(parts.tm_year + 1900):"
            + "\(Self.clock(parts)) +0000"
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    package static func http(_ time: Int64) -> String {
        let parts = Self.parts(time)
        return "\(Self.days[Int(parts.tm_wday)]), \(Self.two(parts.tm_mday)) \(Self.months[Int(parts.tm_mon)])"
            + " \(parts.tm_year + 1900) \(Self.clock(parts)) GMT"
    }

    /// Nanoseconds as seconds with six digits: `0.001234`.
    package static func seconds(_ nanoseconds: Int64) -> String {
        let microseconds = max(nanoseconds, 0) / 1000
        let rest = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - rest.utf8.count) + rest
    }

    private static func parts(_ time: Int64) -> tm {
        var seconds = time_t(time / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return parts
    }

    private static func clock(_ parts: tm) -> String {
        "\(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec))"
    }

    private static func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func three(_ number: Int64) -> String {
        let text = String(number)
        return String(repeating: "0", count: 3 - text.utf8.count) + text
    }
}
