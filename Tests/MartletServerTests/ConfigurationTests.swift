import MartletPush
import Testing

@testable import MartletServer

@Suite("Configuration")
struct ConfigurationTests {
    @Test(
        "an address is a host and a port",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080, true), ("localhost:0", "localhost", 0, true),
            ("[::1]:80", "::1", 80, true),
            (":8080", "0.0.0.0", 8080, false), ("0.0.0.0:1", "0.0.0.0", 1, false),
            ("127.1.2.3:1", "127.1.2.3", 1, true),
            ("127.evil.example:1", "127.evil.example", 1, false), ("[::]:1", "::", 1, false),
        ])
    func address(_ text: String, _ host: String, _ port: Int, _ isLoopback: Bool) throws {
        let address = try #require(ListenAddress(text))
        #expect((address.host, address.port) == (host, port))
        #expect(address.isLoopback == isLoopback)
    }

    @Test("what is no address is refused", arguments: ["", "8080", "a:b", "a:70000", "a:-1", "::1:80", "localhost"])
    func notAnAddress(_ text: String) { #expect(ListenAddress(text) == nil) }

    @Test("beyond loopback both checks are needed, or --open")
    func openness() throws {
        var configuration = PushServerConfiguration()
        try configuration.validate()
        configuration.listen = ListenAddress(host: "0.0.0.0", port: 1)
        let nothing = #expect(throws: ServerError.self) { try configuration.validate() }
        #expect(nothing?.reason.contains("--token-file") == true)
        #expect(nothing?.reason.contains("--api-key-file") == true)
        configuration.hooks.authorizePush = { _, _ in true }
        let half = #expect(throws: ServerError.self) { try configuration.validate() }
        #expect(half?.reason.contains("--api-key-file") == false)
        configuration.hooks.authenticate = { token, _ in PushUser(token) }
        try configuration.validate()
        configuration.hooks = .init()
        configuration.isOpenBeyondLoopback = true
        try configuration.validate()
    }

    @Test(
        "paths that cannot work are refused",
        arguments: [("ws", "/push"), ("/", "/push"), ("/ws", "/ws"), ("/ws", "/drop"), ("/w?s", "/push")])
    func paths(_ webSocketPath: String, _ pushPath: String) {
        var configuration = PushServerConfiguration()
        configuration.webSocketPath = webSocketPath
        configuration.pushPath = pushPath
        #expect(throws: ServerError.self) { try configuration.validate() }
    }
}
