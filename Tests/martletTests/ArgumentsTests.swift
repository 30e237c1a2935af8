import HTTPTypes
import MartletHTTP
import MartletWebSocket
import NIOCore
import Testing

@testable import martlet

@Suite("Arguments of the command line")
struct ArgumentsTests {
    @Test(
        "a time has a unit, or is seconds",
        arguments: [
            ("1s", TimeAmount.seconds(1)), ("250ms", .milliseconds(250)), ("2m", .minutes(2)), ("1h", .hours(1)),
            ("5", .seconds(5)),
            ("1ms", .milliseconds(1)), ("0.001", .milliseconds(1)), ("0.5", .milliseconds(500)), ("1.5m", .seconds(90)),
            ("0.5h", .minutes(30)), ("27777h", .hours(27_777)), ("1e3s", .seconds(1000)),
        ])
    func durations(text: String, expected: TimeAmount) throws { #expect(try TimeAmount.parse(text) == expected) }

    @Test(
        "whatever is no time, or none that a clock could wait for, is refused",
        arguments: [
            "", "s", "ms", "m", "0", "0s", "0ms", "-1", "-1s", "0.5ms", "0.0009", "nan", "nans", "inf", "infs", "-inf",
            "1e300h", "27778h",
            "100000000", "1 s", " 1s", "1s ", "1S", "1d", "1sm", "soon", "1,5s", "٥s", "1s\u{301}",
        ])
    func noDurations(text: String) throws {
        let error = #expect(throws: (any Error).self) { try TimeAmount.parse(text) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("is no duration of at least 1 ms"))
    }

    // A product of Doubles that is cut, not rounded, makes 1000999999 ns of 1.001s.
    @Test(
        "a time is not one nanosecond short",
        arguments: [("1.001s", 1_001_000_000), ("1.005", 1_005_000_000), ("0.57m", 34_200_000_000)])
    func rounding(text: String, nanoseconds: Int64) throws {
        #expect(try TimeAmount.parse(text).nanoseconds == nanoseconds)
    }

    @Test("an address to listen on is one that a server could listen on")
    func listenAddress() {
        #expect(ListenAddress(argument: "[::1]:80") == ListenAddress(host: "::1", port: 80))
        #expect(ListenAddress(argument: ":80") == ListenAddress(host: "0.0.0.0", port: 80))
        #expect(ListenAddress(argument: "localhost") == nil)
    }

    // MARK: Origins

    private static func allows(_ policy: OriginPolicy, _ origin: String?, isSecure: Bool = false) -> Bool {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "here.example", path: "/")
        request.headerFields[.origin] = origin
        return policy.allows(request, isSecure: isSecure)
    }

    @Test(
        "pages of the same host may always connect, those of named origins as well",
        arguments: [
            ([], "http://here.example", true), ([], "http://there.example", false), ([], nil, true),
            ([], "null", false),
            (["https://there.example"], "https://there.example", true),
            (["https://there.example"], "http://there.example", false),
            (["https://there.example"], "http://here.example", true),
            (["https://a.example", "http://localhost:3000"], "http://localhost:3000", true),
            (["https://a.example", "http://localhost:3000"], "https://a.example:443", true),
            (["https://a.example"], "https://b.example", false), (["*"], "https://b.example", true),
            (["*"], "null", true), (["null"], "null", true), (["https://a.example"], "null", false),
            (["https://*.a.example"], "https://b.a.example", true),
            (["https://*.a.example"], "https://c.b.a.example:443", true),
            (["https://*.a.example"], "https://a.example", false),
            (["https://*.a.example"], "https://ba.example", false),
            (["https://*.a.example"], "http://b.a.example", false),
            (["https://*.a.example"], "https://b.a.example:8443", false),
            (["https://*.A.example:8443"], "https://B.a.example:8443", true),
            (["https://a.example", "*"], "https://b.example", true), (["*", "nonsense"], "https://b.example", true),
        ] as [([String], String?, Bool)])
    func origins(options: [String], origin: String?, isAllowed: Bool) throws {
        #expect(Self.allows(try OriginPolicy.parse(options), origin) == isAllowed)
    }

    @Test(
        "what is no origin is refused with how one looks",
        arguments: [
            "", "example.com", "Null", "https://*", "https://*.", "https://a*.example.com", "https://*.*.example",
            "https://a.*.example",
            "*.example.com", "https://", "https://a.example/", "https://a.example/x", "https://a.example?x",
            "https://u@a.example", "https://a b", "http://a:http", "://a", "**", "http://[::1",
        ])
    func noOrigins(option: String) {
        for options in [[option], ["https://a.example", option]] {
            let error = #expect(throws: (any Error).self) { try OriginPolicy.parse(options) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("\(option) is no origin: write https://example.com"))
        }
    }

    // RFC 6454, section 4, with RFC 3986, sections 3.1 and 3.2: a scheme is letters, digits and `+-.`, a
    // port a number of 16 bits in ASCII digits, and brackets come in pairs. No browser sends such an origin: an option
    // that were accepted with one would never match anything.
    @Test(
        "what looks like an origin and is none is refused",
        arguments: ["ht tp://a.example", "http://a:٤٤٣", "http://::1]:80", "http://a:99999"])
    func nearlyOrigins(option: String) {
        #expect(throws: (any Error).self) { try OriginPolicy.parse([option]) }
    }
}
