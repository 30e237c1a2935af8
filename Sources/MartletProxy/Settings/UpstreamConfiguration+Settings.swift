import MartletConfiguration
import MartletService
import NIOCore

extension UpstreamConfiguration {
    static let table = SettingsTable(UpstreamConfiguration(endpoints: []), Self.settings)

    private static let settings: [Setting<UpstreamConfiguration>] = [
        Setting<UpstreamConfiguration>.live(
            "endpoints", .mappings(Endpoint.table, short: Endpoint.short), default: "required",
            "The upstream servers: URLs, or mappings.", set: { $0.endpoints = $1.map(\.values) }
        ).required,
        .live(
            "balance", \.balance, .balance, default: "roundRobin",
            "The choice of a server: `roundRobin`, `leastConnections`, `clientAddress`, or a mapping `header`, `cookie` or `query` to the name of a hash key."
        ),
        .live(
            "healthCheck", \.healthCheck, .mapping(HealthCheck.table),
            "Requests of the proxy's own that say whether a server is healthy."),
        .live(
            "failuresBeforeEjection", \.failuresBeforeEjection, .int(0...1_000_000),
            "The number of failures in a row after which a server is left out while there are others; 0 never does."),
        .live("ejectionTime", \.ejectionTime, .duration, "The time that a server is left out after failures."),
        .live(
            "slowStart", \.slowStart, .duration, "The time in which a server that is healthy again gets its full share."
        ),
        .live("connectTimeout", \.connectTimeout, .timeout, "The longest time until a server is connected to."),
        .live(
            "keptConnections", \.keptConnections, .int(0...10_000),
            "The number of idle connections kept to each server by each event loop."),
        .live(
            "keepAliveTimeout", \.keepAliveTimeout, .duration,
            "The time that an idle connection is kept; shorter than what servers allow, often 5 s."),
        .live(
            "proxyProtocol", \.proxyProtocol, .choice("version", [("v1", .v1), ("v2", .v2)]),
            "The version of the PROXY protocol header, `v1` or `v2`, that tells servers the client's address."),
        .live(
            "tls.authorities", \.tls.authorities, .file, default: "the system's",
            "The file with the certificate authorities to trust, PEM."),
        .live("tls.serverName", \.tls.serverName, .text, default: "the URL's host", "The name to ask for and check."),
        .live("tls.certificate", \.tls.certificate, .file, "The file with the proxy's own certificate, PEM."),
        .live(
            "tls.key", \.tls.key, .file, default: "the certificate's file",
            "The file with the private key of `tls.certificate`, PEM."),
        .live("tls.verify", \.tls.isVerified, .bool, "Whether the server's certificate is checked."),
    ]
}

extension UpstreamConfiguration.Endpoint {
    static let table = SettingsTable(
        Self(url: UpstreamURL("http://127.0.0.1")!),
        [
            .live("url", \.url, .upstreamURL, default: "required", "The URL of the server, without a path.").required,
            .live("weight", \.weight, .int(1...1000), "The share of requests, compared with the other servers'."),
        ])

    /// The URL alone, in place of a mapping.
    @Sendable
    static func short(_ node: ConfigurationNode) throws -> SettingsEntry<Self> {
        SettingsEntry(Self(url: try SettingType<UpstreamURL>.upstreamURL.parse(node)), origin: node.origin)
    }
}

extension UpstreamConfiguration.HealthCheck {
    static let table = SettingsTable(
        Self(),
        [
            .live("path", \.path, .routePath, "The path that is requested."),
            .live("interval", \.interval, .timeout(atLeast: .milliseconds(100)), "The time between two checks."),
            .live("timeout", \.timeout, .timeout, "The longest time that an answer may take."),
            .live(
                "healthyAfter", \.healthyAfter, .int(1...1000),
                "The number of good answers in a row until a server gets requests again."),
            .live(
                "unhealthyAfter", \.unhealthyAfter, .int(1...1000),
                "The number of bad answers in a row until a server gets no requests."),
        ])
}

extension SettingType<UpstreamConfiguration.Balance> {
    /// A word, or a mapping of one kind of hash key to its name.
    fileprivate static var balance: Self {
        Self(SettingForm("balance", example: "leastConnections", kind: .mapping([]))) { node in
            guard node.isMapping else {
                switch try node.string() {
                case "roundRobin": return .roundRobin
                case "leastConnections": return .leastConnections
                case "clientAddress": return .consistentHash(.clientAddress)
                default:
                    throw node.error(
                        "expected roundRobin, leastConnections, clientAddress, or header, cookie or query: NAME")
                }
            }
            let members = try node.namedMembers()
            guard members.count == 1, let (kind, name) = members.first else {
                throw node.error("expected one of header, cookie and query")
            }
            switch kind {
            case "header": return .consistentHash(.header(try name.string()))
            case "cookie": return .consistentHash(.cookie(try name.string()))
            case "query": return .consistentHash(.query(try name.string()))
            default: throw name.error("there is no such key; known are cookie, header, query")
            }
        }
    }
}
