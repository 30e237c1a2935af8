import MartletConfiguration
import MartletService

/// The values of all settings of `martlet proxy`, as the table reads them.
struct ProxyValues: Sendable {
    var configuration = ProxyConfiguration()
    /// One plain listener, in place of a list.
    var listen = ProxyAddress(host: "127.0.0.1", port: 8082)
    /// The server of one route for everything, in place of a list.
    var to: UpstreamURL?
    var listeners: [SettingsEntry<ListenerValues>] = []
    var routes: [SettingsEntry<RouteValues>] = []
    var upstreams: [String: SettingsEntry<UpstreamConfiguration>] = [:]
    var log = LogSettings()

    static let table = SettingsTable(
        ProxyValues(),
        [SettingsSection("Routing", Self.routing)]
            + ProxyConfiguration.table.sections.map { $0.at(\ProxyValues.configuration) }
            + [SettingsSection("Log", LogSettings.settings.map { $0.at(\ProxyValues.log) })])

    private static let routing: [Setting<ProxyValues>] = [
        .live("listen", \.listen, .listenAddress, "The address and port of one listener, in place of `listeners`."),
        .live("to", \.to, .upstreamURL, "The URL of the server that all requests go to, in place of `routes`."),
        .live(
            "listeners", \.listeners, .mappings(ListenerValues.table, short: ListenerValues.short),
            default: "one at `listen`", "The places where clients connect: addresses, or mappings."),
        .live("routes", \.routes, .mappings(RouteValues.table), default: "one to `to`", "The routes of requests."),
        .live("upstreams", \.upstreams, .namedMappings(UpstreamConfiguration.table), "The groups of servers, by name."),
    ]
}

extension SettingsReading<ProxyValues> {
    /// Makes the configuration of what was read, without checks of tokens. What is wrong with it is gathered.
    ///
    /// - Parameter hasFile: whether a file was read; without one, what is missing is missing on the command line.
    mutating func resolve(hasFile: Bool) -> ProxyConfiguration {
        var configuration = self.values.configuration
        self.exclude("listen", "listeners")
        self.exclude("to", "routes")
        if self.origins["accessLog.file"] == nil, self.isSound("accessLog.file"),
            let origin = self.origins["accessLog.format"] ?? self.sections["accessLog"]
        {
            self.problems.add(origin.error("accessLog.file is missing"))
        }
        if self.origins["listeners"] == nil {
            configuration.listeners = [ListenerConfiguration(address: self.values.listen)]
        } else {
            for entry in self.values.listeners {
                self.problems.gather { configuration.listeners.append(try entry.listener()) }
            }
        }
        configuration.upstreams = self.values.upstreams.mapValues(\.values)
        self.resolveRoutes(&configuration, hasFile: hasFile)
        guard self.problems.isEmpty else { return configuration }
        // The rest of what cannot be: an empty list.
        self.problems.gather { try configuration.validate() }
        return configuration
    }

    private mutating func resolveRoutes(_ configuration: inout ProxyConfiguration, hasFile: Bool) {
        if self.origins["routes"] == nil {
            guard let to = self.values.to else {
                if self.isSound("to"), self.isSound("routes") {
                    self.problems.add(
                        hasFile
                            ? self.missing("routes", or: "to, the URL of one server")
                            : ConfigurationError(
                                "--to URL says where requests go; or use --config FILE", kind: .usage))
                }
                return
            }
            configuration.routes = [RouteConfiguration(upstream: "default")]
            configuration.upstreams["default"] = UpstreamConfiguration(endpoints: [.init(url: to)])
            return
        }
        var names: Set<String> = []
        for entry in self.values.routes {
            let route = entry.route
            if let url = entry.values.url {
                configuration.upstreams[route.upstream] = UpstreamConfiguration(endpoints: [.init(url: url)])
            } else if configuration.upstreams[route.upstream] == nil, self.isSound("upstreams") {
                self.problems.add(entry.error("there is no upstream \(route.upstream), and it is no URL", at: "to"))
            }
            if !names.insert(route.name).inserted {
                self.problems.add(
                    entry.error("two routes are called \(route.name), or match the same requests", at: "name"))
            }
            self.problems.gather { _ = try entry.tokens() }
            configuration.routes.append(route)
        }
    }

    private mutating func exclude(_ one: String, _ other: String) {
        guard let first = self.origins[one], let second = self.origins[other] else { return }
        let later = first.precedence > second.precedence ? first : second
        self.problems.add(later.error("\(one) and \(other) exclude each other"))
    }
}
