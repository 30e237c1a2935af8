#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Times in UTC, in the formats of logs and HTTP.
package enum UTCTime {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Returns the current time in nanoseconds since 1970.
    package static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Returns a time in the format `2026-11-21T12:30:00.123Z`.
    package static func iso8601(_ time: Int64) -> String {
        let parts = Self.parts(time)
        return "\(parts.tm_year + 1900)-\(Self.two(parts.tm_mon + 1))-\(Self.two(parts.tm_mday))T"
            + "\(Self.clock(parts)).\(Self.three(time / 1_000_000 % 1000))Z"
    }

    /// Returns a time in the format `21/Nov/2026:12:30:00 +0000`.
    package static func common(_ time: Int64) -> String {
        let parts = Self.parts(time)
        return "\(Self.two(parts.tm_mday))/\(Self.months[Int(parts.tm_mon)])/\(parts.tm_year + 1900):"
            + "\(Self.clock(parts)) +0000"
    }

    /// Returns a time in the format `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    package static func http(_ time: Int64) -> String {
        let parts = Self.parts(time)
        return "\(Self.days[Int(parts.tm_wday)]), \(Self.two(parts.tm_mday)) \(Self.months[Int(parts.tm_mon)])"
            + " \(parts.tm_year + 1900) \(Self.clock(parts)) GMT"
    }

    /// Parses an HTTP date in any of its three forms (RFC 9110, section 5.6.7), to seconds since 1970.
    package static func seconds(http text: Substring) -> Int? {
        // Only the last form pads its day with a space.
        let isPadded = !text.contains(",")
        let words = text.split(separator: " ", omittingEmptySubsequences: isPadded)
        guard let name = words.first, Self.days.contains(where: { name.hasPrefix($0) }) else { return nil }
        let (day, month, year, clock): (Substring, Substring, Substring, Substring)
        switch words.count {
        case 6 where words[0].hasSuffix(",") && words[5] == "GMT":  // Sun, 06 Nov 1994 08:49:37 GMT
            (day, month, year, clock) = (words[1], words[2], words[3], words[4])
        case 4 where words[0].hasSuffix(",") && words[3] == "GMT":  // Sunday, 06-Nov-94 08:49:37 GMT
            let date = words[1].split(separator: "-")
            guard date.count == 3, let short = Self.number(date[2], digits: 2...2).map(Int.init) else { return nil }
            // A year that would be more than 50 years in the future is one of the past.
            let now = Int(Self.parts(Self.now()).tm_year) + 1900
            let long = now - now % 100 + short
            (day, month, year, clock) = (date[0], date[1], "\(long > now + 50 ? long - 100 : long)", words[2])
        case 5: (day, month, year, clock) = (words[2], words[1], words[4], words[3])  // Sun Nov  6 08:49:37 1994
        default: return nil
        }
        let numbers = clock.split(separator: ":", omittingEmptySubsequences: false).map {
            Self.number($0, digits: 2...2)
        }
        guard let month = Self.months.firstIndex(of: String(month)), let day = Self.number(day, digits: 1...2),
            let year = Self.number(year, digits: 4...4), year >= 1900, (1...31).contains(day), numbers.count == 3,
            let hour = numbers[0], let minute = numbers[1], let second = numbers[2], hour < 24, minute < 60,
            second <= 60
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, Int32(month), day)
        (parts.tm_hour, parts.tm_min) = (hour, minute)
        let seconds = timegm(&parts)
        return parts.tm_mday == day ? seconds + Int(second) : nil  // there is no 31st of February
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int32? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int32(text)
    }

    /// Returns nanoseconds as seconds with six digits: `0.001234`.
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
