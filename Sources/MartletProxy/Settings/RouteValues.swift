import MartletConfiguration
import MartletService
import MartletWebSocket

/// The settings of one route, as their table reads them.
struct RouteValues: Sendable {
    var name: String?
    var route = RouteConfiguration(name: "", upstream: "")
    var token = ProxyConfiguration.JWTSettings()
    /// The URL that stands in `to` in place of an upstream's name.
    var url: UpstreamURL?

    static let table = SettingsTable(RouteValues(), Self.matching + Self.changes + Self.webSocket + Self.tokens)

    private static let matching: [Setting<RouteValues>] = [
        .live("name", \.name, .text, default: "hosts and path", "The name of the route in logs and metrics."),
        .live(
            "hosts", \.route.hosts, .texts("host", example: "example.com"), default: "any",
            "The hosts that match, without ports; `*.example.com` is one or more labels before it."),
        .live("path", \.route.path, .routePath, "The prefix of whole segments that matches."),
        Setting<RouteValues>.live(
            "to", .text("upstream", example: "app"), default: "required",
            "The name of an upstream, or the URL of a server."
        ) { values, to in
            values.route.upstream = to
            guard to.contains("://") else { return }
            guard let url = UpstreamURL(to) else {
                throw SettingMisuse("expected a URL without a path, such as http://127.0.0.1:8002")
            }
            values.url = url
        }.required,
    ]

    private static let changes: [Setting<RouteValues>] = [
        .live(
            "replacePrefix", .routePath, default: "as it came",
            "The path that takes the place of the prefix: with `/`, `/app/x` becomes `/x`."
        ) { $0.route.rewrite = .replacePrefix($1) },
        .live(
            "host", .text("host", example: "upstream"), default: "keep",
            "The `Host` that the server sees: `keep` for the client's, `upstream` for that of its URL, or a name."
        ) { values, host in
            values.route.host =
                switch host {
                case "keep": .keep
                case "upstream": .upstream
                default: .fixed(host)
                }
        },
        .live("requestHeaders", \.route.requestHeaders, .mapping(HeaderRules.table), "Changes to requests' headers."),
        .live("responseHeaders", \.route.responseHeaders, .mapping(HeaderRules.table), "Changes to answers' headers."),
        Setting<RouteValues>.live(
            "bodySize", \.route.maximumBodySize, .size(0...Int.max), default: "any",
            "The greatest size of a request's body. Beyond it: 413."
        ).alias(.key("maximumBodySize")),
        .live(
            "responseTimeout", \.route.responseTimeout, .timeout,
            "The longest time from the whole request to the head of its answer. Beyond it: 504."),
        .live("idleTimeout", \.route.idleTimeout, .timeout, "The longest time between two pieces of an answer's body."),
    ]

    private static let webSocket: [Setting<RouteValues>] = [
        .live("webSocket.allow", \.route.webSocket.isAllowed, .bool, "Whether WebSockets are allowed; otherwise 403."),
        Setting<RouteValues>.live(
            "webSocket.origin", \.route.webSocket.origin, .origins(isSameHostImplied: false), default: "any",
            "The origins whose pages may connect; `same-host` for those of the same host, `*` for any. Others: 403."
        ).alias(.key("webSocket.origins")),
        .live(
            "webSocket.subprotocols", \.route.webSocket.subprotocols, .texts("subprotocol", example: "chat"),
            default: "any",
            "The subprotocols that may be offered; others are taken out of the offer. Where none is left: 400."),
        Setting<RouteValues>.live(
            "webSocket.messageSize", \.route.webSocket.maximumMessageSize, .size(0...Int.max), default: "any",
            "The greatest size of a client's message on the wire. Beyond it: 1009."
        ).alias(.key("webSocket.maximumMessageSize")),
        Setting<RouteValues>.live(
            "webSocket.messageRate", \.route.webSocket.messageRate, .rate, default: "any",
            "The rate of messages from one client. Beyond it: 1008."
        ).alias(.bareNumber(unit: "/s")),
        .live(
            "webSocket.messageBurst", \.route.webSocket.messageBurst, .positive, default: "what a second brings",
            "The number of them that may come at once after a silence."),
        .live(
            "webSocket.pingInterval", \.route.webSocket.pingInterval, .timeout, default: "never",
            "The silence of a client after which it is pinged."),
        .live(
            "webSocket.pingTimeout", \.route.webSocket.pingTimeout, .timeout,
            "The time from such a ping to the client's end."),
        .live(
            "webSocket.idleTimeout", \.route.webSocket.idleTimeout, .timeout, default: "never",
            "The longest time without a byte in either direction. Beyond it: 1001 to both sides."),
        .live(
            "webSocket.compression", \.route.webSocket.isCompressed, .bool,
            "Whether messages are compressed towards clients that can."),
    ]

    private static let tokens: [Setting<RouteValues>] = [
        .live(
            "webSocket.jwt.secretFile", \.token.secretFile, .file,
            "A file whose first line is the secret that signs JWT tokens."),
        .live(
            "webSocket.jwt.keyFile", \.token.keyFile, .file,
            "A file with the public key that JWT tokens are signed with, PEM."),
        Setting<RouteValues>.live(
            "webSocket.jwks.file", \.token.jwksFile, .file, "A file with a JWK set of such keys."
        ).alias(.key("webSocket.jwt.jwksFile")),
        Setting<RouteValues>.live(
            "webSocket.jwks.url", \.token.jwksURL, .text("URL", example: "https://example.com/jwks.json"),
            "The URL of a JWK set."
        ).alias(.key("webSocket.jwt.jwksUrl")),
        .live(
            "webSocket.jwt.algorithm", \.token.algorithm, .text("algorithm", example: "HS384"),
            default: "`HS256` of a secret, what suits a key", "The algorithm of the secret or key."),
        .live("webSocket.jwt.issuer", \.token.issuer, .text, default: "any", "The `iss` that a token must have."),
        .live("webSocket.jwt.audience", \.token.audience, .text, default: "any", "The `aud` that a token must have."),
        .live(
            "webSocket.jwt.requireExpiry", \.token.isExpiryRequired, .bool, "Whether tokens without `exp` are refused."),
        Setting<RouteValues>.live(
            "webSocket.userHeader", \.token.userHeader, .text("header", example: "X-Name"), default: "X-User",
            "The header in which the server sees a token's user; a client's own of that name is dropped."
        ).alias(.key("webSocket.jwt.userHeader")),
    ]
}

extension SettingsEntry<RouteValues> {
    /// The route without its check of tokens, named.
    var route: RouteConfiguration {
        var route = self.values.route
        route.name = self.values.name ?? (route.hosts.joined(separator: ",") + route.path)
        return route
    }

    /// The settings that say how tokens are checked, and one of their keys; `nil` when none does.
    ///
    /// - Throws: ``ConfigurationError`` when they name no key, or several.
    func tokens() throws -> (settings: ProxyConfiguration.JWTSettings, path: String)? {
        let sources = ["jwt.secretFile", "jwt.keyFile", "jwks.file", "jwks.url"].map { "webSocket." + $0 }
        let said = sources.filter { self.origins[$0] != nil }
        if said.count == 1 {
            if self.origins["webSocket.jwt.algorithm"] != nil, said[0].hasPrefix("webSocket.jwks.") {
                throw self.error(
                    "the algorithm is for a secret or a key; keys of a set name their own",
                    at: "webSocket.jwt.algorithm")
            }
            return (self.values.token, said[0])
        }
        let places = ["webSocket.jwt", "webSocket.jwks"].filter { self.sections[$0] != nil }
        guard let place = said.last ?? places.first else { return nil }
        throw self.error("exactly one of \(sources.joined(separator: ", ")) is needed", at: place)
    }
}
