import MartletAuth
import MartletConfiguration
import MartletService
import MartletWebSocket

/// The settings of one route, as their table reads them.
struct RouteValues: Sendable {
    var name: String?
    var route = RouteConfiguration(name: "", upstream: "")
    var token = JWTSettings()
    var userHeader = "X-User"
    /// The URL that stands in `to` in place of an upstream's name.
    var url: UpstreamURL?

    static let table = SettingsTable(RouteValues(), Self.matching + Self.changes + Self.webSocket + Self.tokens)

    private static let matching: [Setting<RouteValues>] = [
        .live("name", \.name, .text, default: "hosts and path", "The name of the route in logs and metrics."),
        .live(
            "hosts", \.route.hosts, .hosts, default: "any",
            "The hosts that match, without ports; `*.example.com` is one or more labels before it, `*` any host."),
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
            "host", .hostHeader, default: "keep",
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
            "webSocket.subprotocols", \.route.webSocket.subprotocols, .tokens("subprotocol", example: "chat"),
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
        Setting<RouteValues>.live(
            "webSocket.messageBurst", .positive, default: "what a second brings",
            "The number of messages that may come at once after a silence, beside `messageRate`."
        ) { values, burst in
            guard values.route.webSocket.messageRate != nil else {
                throw SettingMisuse("there is no webSocket.messageRate that this could be the burst of")
            }
            values.route.webSocket.messageBurst = burst
        }.belonging(to: "webSocket.messageRate"),
        .live(
            "webSocket.pingInterval", \.route.webSocket.pingInterval, .timeout, default: "never",
            "The silence of a client after which it is pinged."),
        .live(
            "webSocket.pingTimeout", \.route.webSocket.pingTimeout, .timeout,
            "The longest time that the pong to such a ping may take; beyond it the client's connection is ended."),
        .live(
            "webSocket.idleTimeout", \.route.webSocket.idleTimeout, .timeout, default: "never",
            "The longest time without a byte in either direction. Beyond it: 1001 to both sides."),
        .live(
            "webSocket.compression", \.route.webSocket.isCompressed, .bool,
            "Whether messages are compressed towards clients that can."),
    ]

    private static let tokens: [Setting<RouteValues>] =
        JWTSettings.settings.map { setting in
            switch setting.path {
            case "jwks.file": setting.alias(.key("jwt.jwksFile"))
            case "jwks.url": setting.alias(.key("jwt.jwksUrl"))
            default: setting
            }
        }.map { $0.at(\RouteValues.token, under: "webSocket.") } + [Self.userHeader]

    private static let userHeader = Setting<RouteValues>.live(
        "webSocket.userHeader", \.userHeader, .userHeader,
        "The header in which the server sees a token's user; a client's own of that name is dropped."
    ).alias(.key("webSocket.jwt.userHeader"))
}

extension SettingsEntry<RouteValues> {
    /// The route without its check of tokens, named.
    var route: RouteConfiguration {
        var route = self.values.route
        route.name = self.values.name ?? (route.hosts.joined(separator: ",") + route.path)
        return route
    }

    /// The requests that the route matches, each as a host and a path.
    var matches: [String] {
        var path = self.values.route.path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let hosts = self.values.route.hosts.map { $0 == "*" ? "" : $0.lowercased() }
        return (hosts.isEmpty ? [""] : hosts).map { "\($0) \(path)" }
    }

    /// Checks the settings of tokens, and that nothing but a token names the user.
    ///
    /// - Throws: ``ConfigurationError``.
    func checkTokens() throws {
        guard try self.tokens() != nil else { return }
        let name = self.values.userHeader.lowercased()
        let rules = self.values.route.requestHeaders
        guard (rules.set + rules.add).allSatisfy({ $0.name.lowercased() != name }) else {
            throw self.error("\(self.values.userHeader) is the header of the token's user", at: "requestHeaders")
        }
    }

    /// The settings that say how tokens are checked, and the one of them that names the key; `nil` when none is said.
    ///
    /// - Throws: ``ConfigurationError`` when they name no key, or several.
    func tokens() throws -> (settings: JWTSettings, path: String)? {
        let paths = JWTSettings.keys.map { "webSocket.\($0)" }
        let said = paths.filter { self.origins[$0] != nil }
        if said.count == 1 {
            if self.values.token.algorithm != nil, self.values.token.isForKeySet {
                throw self.error(
                    "the algorithm is for a secret or a key; keys of a set name their own",
                    at: "webSocket.jwt.algorithm")
            }
            return (self.values.token, said[0])
        }
        let places = ["webSocket.jwt", "webSocket.jwks"].filter { self.sections[$0] != nil }
        let lonely = self.origins["webSocket.userHeader"] == nil ? nil : "webSocket.userHeader"
        guard let place = said.last ?? places.first ?? lonely else { return nil }
        throw self.error("exactly one of \(paths.joined(separator: ", ")) is needed", at: place)
    }
}
