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
        let (hasListeners, hasRoutes) = (self.choose("listeners", over: "listen"), self.choose("routes", over: "to"))
        if self.origins["accessLog.file"] == nil, self.isSound("accessLog.file"),
            let origin = self.origins["accessLog.format"] ?? self.sections["accessLog"]
        {
            self.problems.add(origin.error("accessLog.file is missing"))
        }
        var addresses: [(address: ProxyAddress, origin: ConfigurationOrigin)] = []
        if hasListeners {
            for entry in self.values.listeners {
                self.problems.gather { configuration.listeners.append(try entry.listener()) }
                addresses.append((entry.values.listener.address, entry.origins["listen"] ?? entry.origin))
            }
        } else {
            configuration.listeners = [ListenerConfiguration(address: self.values.listen)]
            addresses = [(self.values.listen, self.origins["listen"] ?? self.origin)]
        }
        if let admin = configuration.admin { addresses.append((admin, self.origins["admin.listen"] ?? self.origin)) }
        self.checkAddresses(addresses)
        if hasRoutes {
            configuration.upstreams = self.values.upstreams.mapValues(\.values)
            self.resolveRoutes(&configuration)
        } else {
            self.values.routes = []
            self.resolveServer(&configuration, hasFile: hasFile)
        }
        return configuration
    }

    /// Makes the one route to the server that `to` names.
    private mutating func resolveServer(_ configuration: inout ProxyConfiguration, hasFile: Bool) {
        guard let to = self.values.to else {
            guard self.isSound("to"), self.isSound("routes") else { return }
            self.problems.add(
                hasFile
                    ? self.missing("routes", or: "to, the URL of one server")
                    : ConfigurationError("--to URL says where requests go; or use --config FILE", kind: .usage))
            return
        }
        if let upstreams = self.origins["upstreams"], self.origins["routes"] == nil {
            self.problems.add(upstreams.error("to and upstreams exclude each other: only routes lead to upstreams"))
        }
        configuration.routes = [RouteConfiguration(upstream: "default")]
        configuration.upstreams = ["default": UpstreamConfiguration(endpoints: [.init(url: to)])]
    }

    private mutating func resolveRoutes(_ configuration: inout ProxyConfiguration) {
        var (names, matches): (Set<String>, Set<String>) = ([], [])
        for entry in self.values.routes {
            let route = entry.route
            if let url = entry.values.url {
                configuration.upstreams[route.upstream] = UpstreamConfiguration(endpoints: [.init(url: url)])
            } else if configuration.upstreams[route.upstream] == nil, self.isSound("upstreams"), entry.isSound("to"),
                entry.origins["to"] != nil
            {
                self.problems.add(entry.error("there is no upstream \(route.upstream), and it is no URL", at: "to"))
            }
            if entry.isSound("name"), !names.insert(route.name).inserted {
                self.problems.add(
                    entry.error("two routes are called \(route.name), or match the same requests", at: "name"))
            } else if entry.isSound("hosts"), entry.isSound("path") {
                let own = Set(entry.matches)
                if !own.isDisjoint(with: matches) {
                    self.problems.add(entry.error("another route matches the same requests", at: "path"))
                }
                matches.formUnion(own)
            }
            if entry.isSound("webSocket") { self.problems.gather { try entry.checkTokens() } }
            configuration.routes.append(route)
        }
    }

    /// Finds addresses that two listeners would have.
    private mutating func checkAddresses(_ addresses: [(address: ProxyAddress, origin: ConfigurationOrigin)]) {
        var taken: Set<String> = []
        for (address, origin) in addresses where address.port != 0 && !taken.insert("\(address)").inserted {
            self.problems.add(origin.error("another listener has this address: \(address)"))
        }
    }

    /// Whether a list is in force, and not the single value that stands for it: the one of more precedence is. What checks
    /// tokens or serves TLS is never replaced, and every replacement is told.
    private mutating func choose(_ list: String, over single: String) -> Bool {
        guard let first = self.origins[list] else { return !self.isSound(list) }
        guard let second = self.origins[single] else { return true }
        if first.precedence == second.precedence {
            self.problems.add(second.error("\(single) and \(list) exclude each other"))
        } else if first.precedence < second.precedence {
            let isGuarded =
                list == "routes"
                ? self.values.routes.contains {
                    $0.sections["webSocket.jwt"] != nil || $0.sections["webSocket.jwks"] != nil
                }
                : self.values.listeners.contains { $0.sections["tls"] != nil }
            if isGuarded {
                let what = list == "routes" ? "check tokens" : "serve TLS"
                self.problems.add(second.error("it would replace \(list) of the file that \(what)"))
            } else {
                self.warnings.append(second.error("it replaces \(list) of the file").reason)
            }
        }
        return first.precedence >= second.precedence
    }
}
