import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The `Date` header (RFC 9110, section 5.6.7), made once a second and event loop.
struct AnswerDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private var text = ""
    private var validUntil = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter now: of the event loop.
    mutating func text(_ now: NIODeadline) -> String {
        if now >= self.validUntil {
            self.validUntil = now + .seconds(1)
            self.text = Self.text(of: time(nil))
        }
        return self.text
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    static func text(of seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(Self.days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(Self.months[Int(parts.tm_mon)])"
            + " \(parts.tm_year + 1900) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
