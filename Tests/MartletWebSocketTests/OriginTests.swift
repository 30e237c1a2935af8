import HTTPTypes
import Testing

@testable import MartletWebSocket

@Suite("Origin policy")
struct OriginTests {
    private static func allows(_ policy: OriginPolicy, _ origin: String?, host: String, isSecure: Bool = false) -> Bool
    {
        var request = HTTPRequest(method: .get, scheme: "http", authority: host, path: "/ws")
        request.headerFields[.origin] = origin
        return policy.allows(request, isSecure: isSecure)
    }

    @Test(
        "same host means scheme-default ports, any case, and no downgrade",
        arguments: [
            (nil, "example.com", false, true), ("http://example.com", "example.com", false, true),
            ("http://EXAMPLE.com", "example.COM", false, true), ("http://example.com:80", "example.com", false, true),
            ("http://example.com:8080", "example.com:8080", false, true),
            ("http://[::1]:8080", "[::1]:8080", false, true),
            ("https://example.com", "example.com", false, true), ("https://example.com", "example.com:443", true, true),
            ("http://example.com", "example.com", true, false),
            ("http://example.com", "example.com:8080", false, false),
            ("http://example.org", "example.com", false, false),
            ("http://example.com.evil.org", "example.com", false, false),
            ("http://evil.org/example.com", "example.com", false, false),
            ("http://example.com@evil.org", "evil.org", false, false),
            ("null", "example.com", false, false), ("", "example.com", false, false),
            ("example.com", "example.com", false, false),
            ("file://", "example.com", false, false), ("http://sub.example.com", "example.com", false, false),
        ] as [(String?, String, Bool, Bool)])
    func sameHost(_ origin: String?, _ host: String, _ isSecure: Bool, _ expected: Bool) {
        #expect(Self.allows(.sameHost, origin, host: host, isSecure: isSecure) == expected)
    }

    @Test("a list allows its origins and requests without one")
    func list() {
        let policy = OriginPolicy.allow(["https://example.com", "http://localhost:3000"])
        #expect(Self.allows(policy, "https://example.com:443", host: "x"))
        #expect(Self.allows(policy, "http://localhost:3000", host: "x"))
        #expect(Self.allows(policy, nil, host: "x"))
        #expect(!Self.allows(policy, "http://example.com", host: "x"))
        #expect(!Self.allows(policy, "http://localhost:3001", host: "x"))
    }

    @Test("two Origin headers are refused, whatever the policy says")
    func twoOrigins() {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "a", path: "/")
        request.headerFields[values: .origin] = ["http://a", "http://a"]
        #expect(!OriginPolicy.any.allows(request, isSecure: false))
    }
}
