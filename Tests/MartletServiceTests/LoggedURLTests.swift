import Testing

@testable import MartletService

@Suite("URLs in logs")
struct LoggedURLTests {
    @Test(
        "a URL is shown without what may be secret",
        arguments: [
            ("http://a.example/b", "http://a.example/b"),
            ("https://user:secret@a.example:8/b", "https://…@a.example:8/b"),
            ("http://a.example/b?key=secret", "http://a.example/b?…"), ("http://a@b@c/?x", "http://…@c/?…"),
            ("http://a.example/b@c", "http://a.example/b@c"), ("nonsense", "nonsense"), ("http://", "http://"),
            ("", ""),
            ("http://a.example/#secret", "http://a.example/?…"),
        ])
    func text(url: String, expected: String) { #expect(LoggedURL.text(url) == expected) }

    @Test(
        "only URLs of HTTP with a host are taken",
        arguments: [
            ("http://a", true), ("https://a.example:8443/b?c", true), ("http://[::1]:80/", true), ("ftp://a", false),
            ("http://", false), ("http:///a", false), ("a", false), ("http://a b/", false), ("http://a:99999/", false),
            ("http://a:0/", false), ("http://ä/", false), ("", false),
        ])
    func isHTTP(url: String, expected: Bool) { #expect(LoggedURL.isHTTP(url) == expected) }
}
