import Testing

@testable import MartletHTTP

@Suite("Retry-After")
struct RetryAfterTests {
    /// The time Sun, 06 Nov 1994 08:49:37 GMT.
    private static let date = 784_111_777

    private static func seconds(_ value: String, since now: Int = date) -> Int? {
        RetryAfter.seconds(value, now: Int64(now) * 1_000_000_000)
    }

    @Test(
        "a number of seconds is read, and cut to a day",
        arguments: [
            ("0", 0), ("120", 120), ("00120", 120), (" 120\t", 120), ("86399", 86_399), ("86400", 86_400),
            ("86401", 86_400), ("9223372036854775807", 86_400), ("9223372036854775808", 86_400),
            (String(repeating: "9", count: 1000), 86_400),
        ])
    func digits(value: String, expected: Int) { #expect(Self.seconds(value) == expected) }

    @Test(
        "whatever else a number may look like is none",
        arguments: [
            "", " ", "inf", "+inf", "infinity", "nan", "1e30", "1e3", "-5", "-0", "+5", "1.5", "0x10", "1_000", "1,000",
            "5s",
            "5 5", "٥", "５", "5\u{301}", "\u{a0}5", "soon",
        ])
    func noDigits(value: String) { #expect(Self.seconds(value) == nil) }

    @Test("a date is as many seconds away as it is, none if it is over, and a day at most")
    func dates() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(Self.seconds(date, since: Self.date - 60) == 60)
        #expect(Self.seconds("  \(date) ", since: Self.date - 60) == 60)
        #expect(Self.seconds(date, since: Self.date) == 0)
        #expect(Self.seconds(date, since: Self.date + 1) == 0)
        #expect(Self.seconds(date, since: Self.date - 86_401) == 86_400)
        #expect(Self.seconds(date, since: 0) == 86_400)
        #expect(Self.seconds("Fri, 31 Dec 9999 23:59:59 GMT") == 86_400)
        #expect(Self.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(Self.seconds("Tue, 29 Feb 2000 00:00:00 GMT", since: 951_782_395) == 5)
        #expect(Self.seconds("Sat, 31 Dec 2016 23:59:60 GMT", since: 1_483_228_795) == 5, "a leap second")
    }

    @Test("what is left of a second does not count")
    func fractions() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(RetryAfter.seconds(date, now: Int64(Self.date) * 1_000_000_000 - 1) == 1)
        #expect(RetryAfter.seconds(date, now: Int64(Self.date) * 1_000_000_000 + 1) == 0)
    }

    @Test(
        "a malformed date is none",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 gmt",
            "Sun 06 Nov 1994 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 -8:49:37 GMT", "Sun, 06 Nov 99999999999 08:49:37 GMT", "Sun, 06 Nov -1994 08:49:37 GMT",
            "Sun, 06 Nov 0094 08:49:37 GMT", "Sun, , Nov 1994 08:49:37 GMT", "Sun,\t06 Nov 1994 08:49:37 GMT",
            "2016-12-31T23:59:59Z", "Sun, 06 Nov 1994 ٠٨:49:37 GMT",
        ])
    func malformed(value: String) { #expect(Self.seconds(value) == nil) }

    // RFC 9110, section 5.6.7: a date has two digits for the day and for each part of the time.
    @Test(
        "a date that is nearly one is none",
        arguments: [
            "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 +8:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08::49:37 GMT", "Sun, 06 Nov 1994 :08:49:37: GMT", "Sun, 06 Nov +1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 6 08:49:37 94",
            "Sunday, 06-Nov-+4 08:49:37 GMT", "Sun Nov  6 08:49:37 1994 GMT",
        ])
    func nearly(value: String) { #expect(Self.seconds(value) == nil) }

    // RFC 9110, section 5.6.7: a recipient MUST accept all three formats of a date.
    @Test(
        "the obsolete formats of a date are read as well",
        arguments: ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
    func obsolete(value: String) { #expect(Self.seconds(value, since: Self.date - 60) == 60) }

    // RFC 9110, section 5.6.7: one space separates the parts of a date, and its day exists in the week and the month.
    @Test(
        "a date of a day that does not exist is none",
        arguments: [
            "Tue, 31 Feb 1995 00:00:00 GMT", "Thu, 31 Apr 2025 00:00:00 GMT", "Foo, 06 Nov 1994 08:49:37 GMT",
            ", 06 Nov 1994 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT", "Foo Nov  6 08:49:37 1994",
        ])
    func noDay(value: String) { #expect(Self.seconds(value) == nil) }

    // RFC 9110, section 5.6.7: a year of two digits that seems to be more than 50 years ahead is the last past one.
    @Test("a year of two digits is near, or past")
    func shortYears() throws {
        let year = try #require(Int(UTCTime.http(UTCTime.now()).split(separator: " ")[3]))
        for (ahead, expected) in [(0, 0), (50, 50), (51, -49), (99, -1)] {
            let short = (year + ahead) % 100
            let text = "Sunday, 06-Nov-\(short < 10 ? "0" : "")\(short) 08:49:37 GMT"
            let long = try #require(UTCTime.seconds(http: "Sun, 06 Nov \(year + expected) 08:49:37 GMT"))
            #expect(UTCTime.seconds(http: text[...]) == long, "\(text)")
        }
    }
}
