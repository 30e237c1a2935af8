import HTTPTypes
package import MartletConfiguration
public import MartletPush
public import MartletWebSocket
public import NIOCore

/// The configuration of a ``PushServer``.
public struct PushServerConfiguration: Sendable, ListeningConfiguration {
    /// The address to listen on. Default: `127.0.0.1:8080`.
    public var listen = ListenAddress(host: "127.0.0.1", port: 8080)
    /// Further addresses to listen on. Default: none.
    public var moreAddresses: [ListenAddress] = []
    /// The address of a listener for operators and back ends. With one, metrics, health, the console and the API are there
    /// alone; what clients need is at both. Default: `nil`, everything is at ``listen``.
    public var admin: ListenAddress?
    /// The path where WebSockets connect. Default: `/ws`.
    public var webSocketPath = "/ws"
    /// The path where the back end posts messages. Default: `/push`.
    public var pushPath = "/push"
    /// The origins whose pages may connect. Default: those of the same host.
    public var origin = OriginPolicy.sameHost
    public var hooks = PushHooks()
    /// The keys that open the API, besides what ``hooks`` say of it. Default: `nil`, which asks for no key.
    public var apiKeys: APIKeys?
    /// Files that ``hooks`` and ``apiKeys`` come from: they are read again when they change, and on SIGHUP.
    public var reloadedFiles: [ReloadedFile] = []
    /// The page at `/`.
    public var console = ConsoleConfiguration()
    /// Server-sent events and polls.
    public var eventStreams = EventStreamConfiguration()
    /// The history that each channel keeps for clients that resume.
    public var history = HistoryConfiguration()
    /// Serve beyond this machine although tokens or pushes are not checked. Default: `false`.
    public var isOpenBeyondLoopback = false
    /// The reverse proxies whose `X-Forwarded-*` headers are believed. Default: none.
    public var trustedProxies = TrustedProxies.none
    /// The certificate to serve TLS with. Clients may speak HTTP/2 if its application protocols have `h2`. Default: none,
    /// plain TCP.
    public var tls: ServerTLS?
    /// Whether the files of a certificate that the settings name serve HTTP/2. Default: `true`.
    var isHTTP2Allowed = true
    /// One listening socket for each event loop (`SO_REUSEPORT`): the kernel deals connections out, and a new process may
    /// listen before the old one has gone. Default: `false`.
    public var isPortShared = false
    /// Limits on each client and each user.
    public var limits = PushLimits()
    /// Limits on the number of clients.
    public var clients = ClientLimits()
    /// The rate of pushes with one API key; each message of a batch is one. Default: `nil`, any. Beyond it a request gets
    /// 429.
    public var pushRate: RateLimit?
    /// The time that `/readyz` answers 503 before a shutdown begins. Default: 0.
    public var drainDelay = Duration.zero
    /// The time over which clients are disconnected at a shutdown, each told to come back after a random part of
    /// ``EventStreamConfiguration/retry``. Default: 5 s.
    public var drainTime = Duration.seconds(5)
    /// Bytes of a `POST /push` body. Default: 1 MiB. Beyond it: 413.
    public var maximumBodySize = 1 << 20
    /// The time that a message of a client may take, from its first byte to its last. Default: 60 s. Beyond it: 1008.
    public var messageTimeout = TimeAmount.seconds(60)
    /// Whether WebSockets are compressed (permessage-deflate, RFC 7692) for clients that offer it; what is published is
    /// compressed once for all of them. Default: `false`.
    public var compressesMessages = false
    /// Whether answers to polls are compressed with gzip for clients that accept it. Default: `false`.
    public var compressesAnswers = false
    /// The time for which a client may take nothing of an answer. Default: 20 s. Beyond it its connection, or its stream
    /// of HTTP/2, is ended.
    public var answerTimeout = TimeAmount.seconds(20)

    /// The settings that this was made from, for operators to see; empty when a program has made it.
    package var settings: [SettingValue] = []

    public init() {}

    /// Whether everybody on this machine is trusted, and pages could come by a host name that was made to point here (DNS
    /// rebinding): then only names of this machine may stand in `Host`. Browsers say no `Origin` with a GET of the same host.
    var wantsLoopbackHost: Bool {
        (self.hooks.authenticate == nil || !self.isPushChecked) && !self.isOpenBeyondLoopback
    }

    private var isPushChecked: Bool { self.apiKeys != nil || self.hooks.authorizePush != nil }

    /// Whether a request for operators has a host that is this machine's, where that is needed.
    func allowsHost(_ authority: String?) -> Bool { !self.wantsLoopbackHost || Self.isLoopback(authority) }

    /// Whether what is at a path is for everybody who reaches it, and not for those alone who show an API key.
    func isOpenToReaders(_ path: String) -> Bool {
        let path = path.prefix { $0 != "?" }
        return self.apiKeys == nil
            || !(RequestPath.isSame(String(path), self.pushPath) || RequestPath.isSame(String(path), "/drop")
                || path.split(separator: "/").first == "api")
    }

    static func isLoopback(_ authority: String?) -> Bool {
        authority.flatMap { HostAndPort.split($0) }.map { HostAndPort.isLoopback($0.host) } ?? false
    }

    /// ``origin``, and on a service that trusts everybody on this machine also a look at the `Host` header: a page whose
    /// host name has been made to point here (DNS rebinding) would be of the same host otherwise.
    var effectiveOrigin: OriginPolicy {
        guard self.wantsLoopbackHost else { return self.origin }
        return self.origin.and(.custom { origin, request in origin == nil || Self.isLoopback(request.authority) })
    }

    /// - Throws: ``ServerError`` with the code `configuration`.
    func validate() throws {
        let problems = self.problems
        guard problems.isEmpty else {
            let reasons = problems.map { "\($0.key): \($0.reason)" }
            throw ServerError(.configuration, reason: reasons.joined(separator: "\n"))
        }
    }

    /// A value that cannot be.
    struct Problem {
        /// The key that a file has for it.
        let key: String
        let reason: String
        /// Whether other machines would reach what is not checked.
        var isExposure = false
    }

    var problems: [Problem] {
        var problems: [Problem] = []
        var taken: Set = ["/drop", "/healthz", "/readyz", "/metrics", "/martlet.js", "/martlet.mjs", "/martlet.d.ts"]
        let paths: [(key: String, path: KeyPath<Self, String>)] = [
            ("wsPath", \.webSocketPath), ("pushPath", \.pushPath), ("ssePath", \.eventStreams.eventsPath),
            ("pollPath", \.eventStreams.pollPath),
        ]
        // Of two equal paths the one that is not the default is told.
        let defaults = Self()
        let isDefault = { (path: KeyPath<Self, String>) in self[keyPath: path] == defaults[keyPath: path] }
        for (key, path) in paths.filter({ isDefault($0.path) }) + paths.filter({ !isDefault($0.path) }) {
            let path = self[keyPath: path]
            if let reason = Self.refusal(ofPath: path) {
                problems.append(.init(key: key, reason: reason))
            } else if self.console.isEnabled, path.hasPrefix("/console/") || path.hasPrefix("/demo/") {
                problems.append(
                    .init(key: key, reason: "what is below /console/ and /demo/ is the console's: \(path)"))
            } else if path.hasPrefix("/martlet/") {
                problems.append(.init(key: key, reason: "what is below /martlet/ is martlet.js: \(path)"))
            } else if !taken.insert(path).inserted {
                problems.append(.init(key: key, reason: "another endpoint has this path: \(path)"))
            }
        }
        if let refusal = self.addresses.lazy.compactMap(self.refusal).first {
            problems.append(.init(key: "listen", reason: refusal, isExposure: true))
        }
        if let admin = self.admin {
            if self.addresses.contains(admin), admin.port != 0 {
                problems.append(.init(key: "admin.listen", reason: "clients are served there: \(admin)"))
            } else if let refusal = self.refusal(of: admin, hasAPI: true) {
                problems.append(.init(key: "admin.listen", reason: refusal, isExposure: true))
            }
        }
        return problems
    }

    /// The reason why no endpoint may have a path; `nil` when one may.
    static func refusal(ofPath path: String) -> String? {
        guard
            !path.hasPrefix("/") || path.hasSuffix("/") || path.contains("//")
                || path.contains(where: { "?#{}*:% ".contains($0) })
        else {
            return path == "/api" || path.hasPrefix("/api/") ? "a path is not /api or below it: \(path)" : nil
        }
        return "a path begins with /, does not end with one, and has none of ?, #, %, :, *, { and }: \(path)"
    }

    /// The reason why the service may not listen there; `nil` when it may.
    func refusal(of listen: ListenAddress) -> String? { self.refusal(of: listen, hasAPI: self.admin == nil) }

    /// - Parameter hasAPI: whether the API is there.
    private func refusal(of listen: ListenAddress, hasAPI: Bool) -> String? {
        guard !listen.isLoopback, !self.isOpenBeyondLoopback else { return nil }
        var missing: [String] = []
        if self.hooks.authenticate == nil {
            missing.append("a token setting (--token-file, --jwt-…, --jwks-… or --auth-url)")
        }
        if hasAPI, !self.isPushChecked { missing.append("an API key (--api-key-file)") }
        guard !missing.isEmpty else { return nil }
        return "\(listen) can be reached from other machines, but there is not "
            + missing.joined(separator: " and not ")
            + ": anybody could read or send messages. Add it, listen on 127.0.0.1, or say --open"
    }
}
