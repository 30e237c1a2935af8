import MartletConfiguration
import MartletWebSocket

extension RouteConfiguration {
    /// - Returns: the route, and the URL that stands in `to` in place of an upstream's name.
    static func read(
        _ node: ConfigurationNode,
        authentication: (ProxyConfiguration.JWTSettings) throws -> WebSocketPolicy.Authentication
    ) throws -> (route: RouteConfiguration, direct: UpstreamURL?) {
        let members = try node.members([
            "name", "hosts", "path", "to", "replacePrefix", "host", "requestHeaders", "responseHeaders",
            "maximumBodySize", "responseTimeout", "idleTimeout", "webSocket",
        ])
        let to = try members.required("to")
        let direct = try to.string().contains("://") ? to.url() : nil
        var route = RouteConfiguration(
            name: try members["name"]?.string(), hosts: try members["hosts"]?.strings() ?? [],
            path: try members["path"].map { try $0.urlPath() } ?? "/", upstream: try to.string())
        try members.read("replacePrefix", into: &route.rewrite) { .replacePrefix(try $0.urlPath()) }
        try members.read("host", into: &route.host) { node in
            switch try node.string() {
            case "keep": .keep
            case "upstream": .upstream
            case let host: .fixed(host)
            }
        }
        try members.read("requestHeaders", into: &route.requestHeaders) { try HeaderRules($0) }
        try members.read("responseHeaders", into: &route.responseHeaders) { try HeaderRules($0) }
        try members.read("maximumBodySize", into: &route.maximumBodySize) { try $0.size() }
        try members.read("responseTimeout", into: &route.responseTimeout) { try $0.timeout() }
        try members.read("idleTimeout", into: &route.idleTimeout) { try $0.timeout() }
        try members.read("webSocket", into: &route.webSocket) {
            try WebSocketPolicy($0, authentication: authentication)
        }
        return (route, direct)
    }
}

extension ConfigurationNode {
    func urlPath() throws -> String {
        let path = try self.string()
        guard path.hasPrefix("/"), RequestTarget(path, isOptions: false)?.decodedPath == path else {
            throw self.error("expected a path such as /app, without percent-encoding, dot segments or a query")
        }
        return path
    }
}

extension HeaderRules {
    init(_ node: ConfigurationNode) throws {
        let members = try node.members(["remove", "set", "add"])
        self.init()
        func fields(_ node: ConfigurationNode) throws -> [Field] {
            try node.namedMembers().map { name, value in
                guard let field = Field(name, try value.string()) else { throw value.error("this cannot be a header") }
                guard !Self.untouchable.contains(name.lowercased()) else {
                    throw value.error("this header is the proxy's own business")
                }
                return field
            }
        }
        try members.read("remove", into: &self.remove) { node in
            let names = try node.strings()
            for name in names where Self.untouchable.contains(name.lowercased()) {
                throw node.error("\(name) is the proxy's own business")
            }
            return names
        }
        try members.read("set", into: &self.set, fields)
        try members.read("add", into: &self.add, fields)
    }
}

extension WebSocketPolicy {
    init(
        _ node: ConfigurationNode,
        authentication: (ProxyConfiguration.JWTSettings) throws -> WebSocketPolicy.Authentication
    ) throws {
        let members = try node.members([
            "allow", "origins", "subprotocols", "maximumMessageSize", "messageRate", "messageBurst", "pingInterval",
            "pingTimeout", "idleTimeout", "compression", "jwt",
        ])
        self.init()
        try members.read("allow", into: &self.isAllowed) { try $0.bool() }
        try members.read("origins", into: &self.origin) { try $0.origins() }
        try members.read("subprotocols", into: &self.subprotocols) { try $0.strings() }
        try members.read("maximumMessageSize", into: &self.maximumMessageSize) { try $0.size() }
        try members.read("messageRate", into: &self.messageRate) { try $0.positiveNumber() }
        try members.read("messageBurst", into: &self.messageBurst) { try $0.positiveNumber() }
        try members.read("pingInterval", into: &self.pingInterval) { try $0.timeout() }
        try members.read("pingTimeout", into: &self.pingTimeout) { try $0.timeout() }
        try members.read("idleTimeout", into: &self.idleTimeout) { try $0.timeout() }
        try members.read("compression", into: &self.isCompressed) { try $0.bool() }
        try members.read("jwt", into: &self.authenticate) { node in
            let sources = ["secretFile", "keyFile", "jwksFile", "jwksUrl"]
            let jwt = try node.members(
                Set(sources + ["algorithm", "issuer", "audience", "requireExpiry", "userHeader"]))
            guard sources.filter({ jwt[$0] != nil }).count == 1 else {
                throw node.error("exactly one of \(sources.joined(separator: ", ")) must be there")
            }
            do {
                return try authentication(
                    .init(
                        secretFile: try jwt["secretFile"]?.string(), keyFile: try jwt["keyFile"]?.string(),
                        jwksFile: try jwt["jwksFile"]?.string(), jwksURL: try jwt["jwksUrl"]?.string(),
                        algorithm: try jwt["algorithm"]?.string(), issuer: try jwt["issuer"]?.string(),
                        audience: try jwt["audience"]?.string(),
                        isExpiryRequired: try jwt["requireExpiry"]?.bool() ?? false,
                        userHeader: try jwt["userHeader"]?.string() ?? "X-User"))
            } catch let error as ProxyError {
                throw error
            } catch {
                throw node.error("\(error)")
            }
        }
    }
}

extension ConfigurationNode {
    /// `same-host`, `*` or origins.
    func origins() throws -> OriginPolicy {
        let texts = try self.strings()
        if texts.contains("*") { return .any }
        for text in texts where text != "same-host" && !OriginPolicy.isOrigin(text) {
            throw self.error("\(text) is no origin: write https://example.com, same-host or *")
        }
        let allowed = OriginPolicy.allow(texts.filter { $0 != "same-host" })
        return texts.contains("same-host") ? .sameHost.or(allowed) : allowed
    }
}
