import MartletService
import NIOCore
import Testing

@testable import MartletProxy

@Suite("The configuration file")
struct ConfigurationFileTests {
    private static func read(_ text: String) throws -> ProxyConfiguration {
        try ProxySettings.configuration(text: text, file: "proxy.yaml")
    }

    @Test("YAML with everything in it is read")
    func everything() throws {
        let configuration = try Self.read(
            """
            listeners:
              - 127.0.0.1:8082
              - address: "[::1]:8443"
                tls: {certificate: cert.pem, key: key.pem}
                http2: false
                proxyProtocol: true
                trustedProxies: [10.0.0.0/8, "::1"]
            routes:
              - hosts: [example.com, "*.example.com"]
                path: /app
                to: app
                replacePrefix: /
                host: upstream
                requestHeaders: {remove: [X-A], set: {X-B: "1"}, add: {X-C: "2"}}
                maximumBodySize: 10MiB
                responseTimeout: 2m
                webSocket:
                  origins: [https://example.com, same-host]
                  subprotocols: [chat]
                  maximumMessageSize: 64KiB
                  messageRate: 10
                  messageBurst: 20
                  pingInterval: 20s
                  compression: true
                  jwt: {secretFile: secret, userHeader: X-Name}
              - to: http://127.0.0.1:8002
            upstreams:
              app:
                endpoints: [http://127.0.0.1:9001, {url: "https://b.internal", weight: 3}]
                balance: {cookie: sid}
                healthCheck: {path: /healthz, interval: 1s, timeout: 500ms}
                slowStart: 30s
                keptConnections: 8
                proxyProtocol: v2
                tls: {authorities: ca.pem, verify: true}
            accessLog: {file: access.log, format: combined}
            admin: 127.0.0.1:9090
            drainTimeout: 1m
            maximumConnections: 5000
            client: {headerTimeout: 5s, maximumHeaderSize: 8KiB}
            """)
        #expect(configuration.listeners.map(\.address.description) == ["127.0.0.1:8082", "[::1]:8443"])
        #expect(configuration.listeners[1].expectsProxyProtocol && !configuration.listeners[1].isHTTP2Allowed)
        let route = configuration.routes[0]
        #expect(route.rewrite == .replacePrefix("/") && route.host == .upstream && route.maximumBodySize == 10 << 20)
        #expect(route.webSocket.maximumMessageSize == 64 << 10 && route.webSocket.isCompressed)
        let app = try #require(configuration.upstreams["app"])
        #expect(app.balance == .consistentHash(.cookie("sid")) && app.endpoints[1].weight == 3)
        #expect(app.endpoints[1].url.port == 443 && app.proxyProtocol == .v2)
        #expect(configuration.upstreams[configuration.routes[1].upstream]?.endpoints.count == 1)
        #expect(configuration.drainTimeout == .minutes(1) && configuration.client.maximumHeaderSize == 8192)
    }

    @Test("JSON is read as well")
    func json() throws {
        let configuration = try Self.read(
            #"{"listeners": ["127.0.0.1:0"], "routes": [{"to": "http://127.0.0.1:8002"}]}"#)
        #expect(configuration.routes[0].path == "/")
    }

    @Test(
        "a mistake is named by key and line",
        arguments: [
            (
                "listeners: [1.2.3.4:80]\nroutes:\n  - to: http://a\n    pathh: /x\n",
                "proxy.yaml:4: routes[0].pathh: there is no such key; did you mean routes[0].path?"
            ),
            ("listeners: [nonsense]\nroutes: [{to: http://a}]\n", "proxy.yaml:1: listeners[0]: expected an address"),
            (
                "listeners: [1.2.3.4:80]\nroutes:\n  - to: nowhere\n",
                "proxy.yaml:3: routes[0].to: there is no upstream nowhere"
            ),
            ("listeners: [1.2.3.4:80]\n", "routes is missing, or to, the URL of one server"),
            (
                "listeners: [1.2.3.4:80]\nroutes:\n  - to: http://a\n    responseTimeout: soon\n",
                "proxy.yaml:4: routes[0].responseTimeout: expected a time"
            ),
            (
                "listeners: [1.2.3.4:80]\nroutes:\n  - to: http://a\n    path: /a/../b\n",
                "proxy.yaml:4: routes[0].path: expected a path"
            ),
            (
                "listeners: [1.2.3.4:80]\nroutes:\n  - to: http://a\n    requestHeaders: {set: {Content-Length: \"1\"}}\n",
                "the proxy's own business"
            ),
            (
                "listeners: [1.2.3.4:80]\nroutes:\n  - to: http://a\n    webSocket: {origins: [example.com]}\n",
                "example.com is no origin"
            ),
            ("listeners: [1.2.3.4:80]\nroutes:\n  - {to: http://a}\n  - {to: http://b}\n", "two routes are called /"),
            ("listeners: [1.2.3.4:80\n", "not valid YAML"), ("", "it is empty"),
        ])
    func mistakes(text: String, expected: String) {
        let error = #expect(throws: ServerError.self) { try Self.read(text) }
        #expect(error?.reason.contains(expected) ?? false, "\(error?.reason ?? "")")
    }
}
