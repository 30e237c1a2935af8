import Testing

@testable import MartletHTTP

@Suite("Hosts and ports")
struct HostAndPortTests {
    @Test(
        "a host is read without brackets, and a port if there is one",
        arguments: [
            ("example.com", "example.com", nil), ("example.com:8080", "example.com", 8080), ("a:", "a", nil),
            ("a:0", "a", 0), ("a:00080", "a", 80), ("a:65535", "a", 65_535), ("", "", nil), (":80", "", 80),
            ("127.0.0.1:1", "127.0.0.1", 1), ("[::1]", "::1", nil), ("[::1]:", "::1", nil), ("[::1]:80", "::1", 80),
            ("[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80), ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
            ("[fe80::1%25eth0]", "fe80::1%25eth0", nil),
        ] as [(String, String, Int?)])
    func splits(text: String, host: String, port: Int?) throws {
        let split = try #require(HostAndPort.split(text))
        #expect(split.host == host)
        #expect(split.port == port)
    }

    @Test(
        "what is not a host and a port is neither",
        arguments: [
            "a:+80", "a:-0", "a:000080", "a: 80", "a:80 ", "a:0x50", "a:8o", "a:80:80", "a:65536", "a:99999", "a:٤٤٣",
            "a:８０", "a:\u{301}80", "a:80\u{301}", "a:80\0", "[]", "[]:80", "[", "]", "[::1", "[abc]:80",
            "[127.0.0.1]:80",
            "[v1.a]", "a]:80", "a[::1]:80", "[::1]x:80", "[::1]80", "[::1]]:80", "[[::1]]:80", "[\u{301}::1]:80",
            "::1", "::1:80", "[%eth0]", "[%25eth0]:80",
        ])
    func refuses(text: String) { #expect(HostAndPort.split(text) == nil) }

    @Test("a part of a longer text is split as a text of its own")
    func parts() throws {
        let text = "http://[::1]:8080/path"
        let split = try #require(HostAndPort.split(text.dropFirst(7).prefix(10)))
        #expect(split.host == "::1" && split.port == 8080)
    }

    @Test(
        "what may stand in a Host header",
        arguments: [
            "", "example.com", "example.com:", "EXAMPLE.com:80", "a_b", "[::1]:8080", "xn--bcher-kva.example", "a%20b",
        ])
    func authorities(text: String) { #expect(HostAndPort.isAuthority(text)) }

    @Test(
        "what must not stand in a Host header",
        arguments: [
            "a b", " a", "a ", "a\tb", "a/b", "a?b", "a#b", "user@a", "a\\b", "a,b", "a\"b", "<a>", "a\0", "a\u{7f}",
            "ä.example",
            "a:٤٤٣", "a:99999", "[::1", "[abc]:80",
        ])
    func noAuthorities(text: String) { #expect(!HostAndPort.isAuthority(text)) }

    @Test("a host and a port are written with brackets around what has a colon")
    func text() {
        #expect(HostAndPort.text("example.com", 80) == "example.com:80")
        #expect(HostAndPort.text("127.0.0.1", 0) == "127.0.0.1:0")
        #expect(HostAndPort.text("::1", 8080) == "[::1]:8080")
        #expect(HostAndPort.text("fe80::1%eth0", 1) == "[fe80::1%eth0]:1")
    }

    @Test("what is written is read again", arguments: ["example.com", "127.0.0.1", "::1", "fe80::1%eth0"])
    func roundTrip(host: String) throws {
        let split = try #require(HostAndPort.split(HostAndPort.text(host, 443)))
        #expect(split.host == host && split.port == 443)
    }

    @Test(
        "this machine's own names and addresses are known",
        arguments: [
            ("localhost", true), ("LocalHost", true), ("a.localhost", true), ("a.b.LOCALHOST", true),
            ("127.0.0.1", true),
            ("127.255.255.254", true), ("::1", true), ("0:0:0:0:0:0:0:1", true), ("::ffff:127.0.0.1", true),
            ("", false), ("example.com", false), ("localhost.example.com", false), ("notlocalhost", false),
            ("128.0.0.1", false), ("0.0.0.0", false), ("::", false), ("::2", false), ("127.0.0.1.example.com", false),
            ("127.1", false), ("[::1]", false),
        ])
    func loopback(host: String, isLoopback: Bool) { #expect(HostAndPort.isLoopback(host) == isLoopback) }

    // For C a text ends at a NUL.
    @Test("a text with a NUL behind an address is no address", arguments: ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    func truncation(address: String) {
        for text in [address + "\0", address + "\0.example.com"] {
            #expect(!IPNetwork.isAddress(text))
            #expect(IPNetwork(text) == nil)
            #expect(!HostAndPort.isLoopback(text))
        }
    }

    // RFC 9112, section 3.2, with RFC 3986, section 3.2.2: a reg-name has unreserved, sub-delims and
    // percent-encoded bytes, and nothing else.
    @Test("bytes that no host may have are no host", arguments: ["a|b", "a^b", "a`b", "{a}", "a%zz", "a%4"])
    func forbiddenBytes(text: String) { #expect(!HostAndPort.isAuthority(text)) }

    // RFC 6874, section 2: a ZoneID has at least one character, each unreserved or percent-encoded.
    @Test(
        "a zone that is none makes no host",
        arguments: ["[fe80::1%]", "[fe80::1%[]:80", "[fe80::1%:]"])
    func zones(text: String) { #expect(!HostAndPort.isAuthority(text)) }
}
