import Testing

@testable import MartletHTTP

@Suite("Addresses to listen on")
struct ListenAddressTests {
    @Test(
        "an address is a host and a port",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"), ("[::1]:8080", "::1", 8080, "[::1]:8080"),
            ("localhost:0", "localhost", 0, "localhost:0"), (":8080", "0.0.0.0", 8080, "0.0.0.0:8080"),
            ("[::]:65535", "::", 65_535, "[::]:65535"), ("[fe80::1%eth0]:80", "fe80::1%eth0", 80, "[fe80::1%eth0]:80"),
        ])
    func parses(text: String, host: String, port: Int, description: String) throws {
        let address = try #require(ListenAddress(text))
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == description)
        #expect(ListenAddress(description) == address)
    }

    @Test(
        "without a port, or with half of an IPv6 address, it is none",
        arguments: [
            "", "8080", "localhost", "localhost:", ":", "[::1]", "[::1]:", "::1", "::1:8080", "[::1:80", "a:65536",
            "a:-1", "a:+1", "a:80x", "[a]:80",
        ])
    func refuses(text: String) { #expect(ListenAddress(text) == nil) }

    @Test(
        "this machine alone can connect to its own addresses",
        arguments: [
            ("localhost", true), ("LOCALHOST", true), ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true),
            ("0.0.0.0", false),
            ("::", false), ("10.0.0.1", false), ("example.com", false), ("localhost.example.com", false),
            // Names are looked up, and may be anything.
            ("a.localhost", false), ("", false), ("fe80::1%lo", false),
        ])
    func loopback(host: String, isLoopback: Bool) {
        #expect(ListenAddress(host: host, port: 0).isLoopback == isLoopback)
    }

    @Test("every interface is not this machine alone")
    func everyInterface() throws { #expect(try !#require(ListenAddress(":80")).isLoopback) }
}
