import Testing

@testable import MartletHTTP

@Suite("Nodes of Forwarded")
struct ForwardedNodesTests {
    @Test(
        "each element has a node, without quotes",
        arguments: [
            ([], []), ([""], []), (["for=192.0.2.1"], ["192.0.2.1"]), (["For=a, FOR=b"], ["a", "b"]),
            (["for=a", "for=b"], ["a", "b"]),
            ([#"for="[2001:db8::1]:443""#], ["[2001:db8::1]:443"]), ([#"for="a\"b\\c""#], [#"a"b\c"#]),
            ([#"for="""#], [""]),
            (["proto=https;for=a;by=b"], ["a"]), (["proto=https"], ["unknown"]),
            (["for=a, proto=https, for=b"], ["a", "unknown", "b"]),
            ([" for=a ; by=b , for=b"], ["a", "b"]), (["for=a;for=b"], ["a"]), (["forx=a"], ["unknown"]),
            (["for"], ["unknown"]),
            (["for="], [""]), (["xfor=b;for=a"], ["a"]), ([#"host="x;for=b";for=a"#], ["a"]),
            ([#"host="x,for=b";for=a"#], ["a"]),
            ([#"for="a;b""#], ["a;b"]), (["for=a=b"], ["a=b"]), ([#"for=""#], [#"""#]), (["203.0.113.9"], ["unknown"]),
        ] as [([String], [String])])
    func parse(values: [String], expected: [String]) { #expect(ForwardedNodes.parse(values) == expected) }

    @Test("a parameter is found by its name, the first of several")
    func parameters() {
        let element = #"for=a;Proto="https";host="x;proto=http";proto=ws"#[...]
        #expect(ForwardedNodes.parameter("proto", of: element) == "https")
        #expect(ForwardedNodes.parameter("host", of: element) == "x;proto=http")
        #expect(ForwardedNodes.parameter("by", of: element) == nil)
    }

    @Test(
        "the address of a node is without its port, which may be hidden",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:80", "192.0.2.1"), ("192.0.2.1:_port", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"), ("[2001:db8::1]:_p", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("", nil), ("unknown", nil), ("unknown:80", nil),
            ("_hidden", nil),
            ("_hidden:80", nil), ("192.0.2", nil), ("192.0.2.256", nil), ("192.0.2.1:80:81", nil),
            ("192.0.2.0/24", nil),
            ("[2001:db8::1", nil), ("[2001:db8::1]80", nil), ("[2001:db8::1]x:80", nil), ("[]", nil),
            ("[unknown]", nil),
            ("x[2001:db8::1]", nil), ("[[2001:db8::1]]", nil), ("2001:db8::1]", nil), (" 192.0.2.1", nil),
            ("192.0.2.1 ", nil),
            ("\"192.0.2.1\"", nil), ("example.com", nil), ("example.com:80", nil),
        ] as [(String, String?)])
    func addresses(node: String, expected: String?) { #expect(ForwardedNodes.address(of: node) == expected) }

    // RFC 7239, section 6: brackets are only for IPv6 addresses.
    @Test("an IPv4 address in brackets is not a node", arguments: ["[192.0.2.1]", "[192.0.2.1]:80"])
    func brackets(node: String) { #expect(ForwardedNodes.address(of: node) == nil) }

    // RFC 7239, section 6: a port is one to five digits, or an underscore followed by letters, digits and `._-`.
    @Test(
        "a node with an invalid port is not a node",
        arguments: [
            "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:_", "192.0.2.1:123456", "[2001:db8::1]:80:81", "192.0.2.1: 80",
        ])
    func ports(node: String) { #expect(ForwardedNodes.address(of: node) == nil) }
}
