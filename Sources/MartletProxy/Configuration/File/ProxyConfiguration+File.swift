import FoundationEssentials
import MartletConfiguration
import NIOCore

extension ProxyConfiguration {
    /// Reads a configuration file: YAML, or JSON, which is YAML as well. docs/proxy.md describes it key by key.
    ///
    /// - Parameter authentication: makes the check of tokens from a route's `jwt` settings.
    /// - Throws: ``ProxyError`` with the code `file` or `configuration`; the reason names the key and its line.
    public init(
        contentsOf path: String,
        authentication: (JWTSettings) throws -> WebSocketPolicy.Authentication = { _ in
            throw ProxyError(.configuration, reason: "jwt: tokens are not checked here")
        }
    ) throws {
        let text: String
        do {
            text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        } catch {
            throw ProxyError(.file, reason: "cannot read the configuration \(path)", cause: error)
        }
        try self.init(text: text, file: path, authentication: authentication)
    }

    /// What a route's `jwt` says.
    public struct JWTSettings: Sendable, Hashable {
        /// Exactly one of the next four is there: a file whose first line is the secret,
        public var secretFile: String?
        /// one with a public key in PEM,
        public var keyFile: String?
        /// one with a JWK set,
        public var jwksFile: String?
        /// or the URL of a JWK set.
        public var jwksURL: String?
        /// As tokens name it: `RS256`.
        public var algorithm: String?
        public var issuer: String?
        public var audience: String?
        /// Whether a token without `exp` is refused.
        public var isExpiryRequired = false
        /// Where the user's name goes, for the upstream.
        public var userHeader: String?
    }

    init(
        text: String, file: String, authentication: (JWTSettings) throws -> WebSocketPolicy.Authentication
    ) throws {
        self.init()
        do {
            try self.read(try ConfigurationDocument(text: text, file: file).root(), authentication)
        } catch let error as ConfigurationError {
            throw ProxyError(.configuration, reason: error.reason)
        }
        do {
            try self.validate()
        } catch let error as ProxyError {
            throw ProxyError(error.code, reason: "\(file): \(error.reason)")
        }
    }

    private mutating func read(
        _ root: ConfigurationNode, _ authentication: (JWTSettings) throws -> WebSocketPolicy.Authentication
    ) throws {
        let members = try root.members([
            "listeners", "routes", "upstreams", "accessLog", "admin", "drainTimeout", "maximumConnections", "client",
        ])
        self.listeners = try members.required("listeners").elements().map { try ListenerConfiguration($0) }
        self.upstreams = try Dictionary(
            uniqueKeysWithValues: (members["upstreams"]?.namedMembers() ?? []).map {
                ($0.name, try UpstreamConfiguration($0.node))
            })
        for node in try members.required("routes").elements() {
            let (route, direct) = try RouteConfiguration.read(node, authentication: authentication)
            if let direct {
                self.upstreams[route.upstream] = UpstreamConfiguration(endpoints: [.init(url: direct)])
            } else if self.upstreams[route.upstream] == nil {
                throw node.error("to: there is no upstream \(route.upstream), and it is no URL")
            }
            self.routes.append(route)
        }
        try members.read("accessLog", into: &self.accessLog) { try AccessLogConfiguration($0) }
        try members.read("admin", into: &self.admin) { try $0.address() }
        try members.read("drainTimeout", into: &self.drainTimeout) { try $0.duration() }
        try members.read("maximumConnections", into: &self.maximumConnections) { try $0.int(1...10_000_000) }
        try members.read("client", into: &self.client) { try ClientConfiguration($0) }
    }
}

extension ConfigurationNode {
    func address() throws -> ProxyAddress {
        guard let address = ProxyAddress(try self.string()) else {
            throw self.error("expected an address and a port, such as 127.0.0.1:8082")
        }
        return address
    }

    func url() throws -> UpstreamURL {
        guard let url = UpstreamURL(try self.string()) else {
            throw self.error("expected a URL without a path, such as http://127.0.0.1:8002")
        }
        return url
    }
}
