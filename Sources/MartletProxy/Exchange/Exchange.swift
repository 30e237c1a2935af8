import Logging
import NIOCore
import NIOHTTP1

/// A request of a client and its answer: finds an endpoint for it, and accounts for it in the end. What is done with the
/// connection to the endpoint is the business of ``PlainExchange`` and ``UpgradeExchange``.
class Exchange {
    /// The client's connection, which owns its exchange.
    unowned let client: ClientConnection
    let loop: ProxyLoop
    let head: HTTPRequestHead
    let target: RequestTarget
    /// As the client named it: of the Host header or the absolute target.
    let host: String
    let route: Route
    let identity: ClientIdentity
    let startedAt = NIODeadline.now()
    var entry: AccessLogEntry
    private(set) var tried: [Endpoint] = []
    private(set) var endpoint: Endpoint?
    private(set) var isOver = false
    var sentAt: NIODeadline?

    init(
        client: ClientConnection, head: HTTPRequestHead, target: RequestTarget, host: String, route: Route,
        identity: ClientIdentity, entry: AccessLogEntry
    ) {
        self.client = client
        self.loop = client.loop
        self.head = head
        self.target = target
        self.host = host
        self.route = route
        self.identity = identity
        self.entry = entry
        self.entry.route = route.configuration.name
        self.entry.upstream = route.group.name
        self.entry.requestID = Self.requestID(head, identity)
    }

    /// A trusted proxy's, or one of our own: 16 hexadecimal digits.
    private static func requestID(_ head: HTTPRequestHead, _ identity: ClientIdentity) -> String {
        if identity.isPeerTrusted, let id = head.headers.first(name: "X-Request-Id"), !id.isEmpty { return id }
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    // MARK: What the client's connection tells

    func start() {}
    func received(_ part: HTTPServerRequestPart) {}
    func clientReadComplete() {}
    var mayReadClient: Bool { false }
    func clientWritabilityChanged() {}
    /// The client's connection has ended, or broke the rules of HTTP.
    func clientGone() {}

    // MARK: Towards an endpoint

    /// To be overridden: a connection to ``endpoint`` is there.
    func connected(_ connection: UpstreamConnection) {}

    var isForUpgrade: Bool { false }

    /// Connects to the next endpoint that has not been tried; answers the request when there is none.
    func connect(lastError: String? = nil, isTimeout: Bool = false) {
        let group = self.route.group
        guard let endpoint = group.choose(key: self.hashKey, except: self.tried, at: .now()) else {
            if self.tried.isEmpty {
                self.fail(.serviceUnavailable, "no endpoint of the upstream \(group.name) is well")
            } else {
                self.fail(
                    isTimeout ? .gatewayTimeout : .badGateway,
                    "the upstream \(group.name) cannot be reached: \(lastError ?? "no connection")")
            }
            return
        }
        self.endpoint = endpoint
        self.entry.endpoint = endpoint.name
        endpoint.began()
        if !self.isForUpgrade, group.configuration.proxyProtocol == nil, let kept = self.loop.pool.take(endpoint) {
            self.connected(kept)
            return
        }
        UpstreamConnector.connect(
            to: endpoint, of: group,
            client: group.configuration.proxyProtocol == nil ? nil : self.client.headerForUpstream,
            isForUpgrade: self.isForUpgrade, on: self.loop.eventLoop
        ).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let connection):
                if self.isOver {
                    connection.value.close()
                } else {
                    self.connected(connection.value)
                }
            case .failure(let error):
                guard !self.isOver else { return }
                let isTimeout = if case .connectTimeout? = error as? ChannelError { true } else { false }
                self.endpointFailed(isTimeout ? "connect timeout" : "no connection", error)
                self.tried.append(endpoint)
                self.release()
                self.connect(lastError: Self.describe(error), isTimeout: isTimeout)
            }
        }
    }

    /// For people, in an answer: no addresses of the inside.
    private static func describe(_ error: any Error) -> String {
        if case .connectTimeout? = error as? ChannelError { return "it did not answer in time" }
        return "no connection"
    }

    private var hashKey: String? {
        guard case .consistentHash(let key) = self.route.group.configuration.balance else { return nil }
        switch key {
        case .header(let name): return self.head.headers.first(name: name)
        case .cookie(let name): return RequestValues.cookie(name, in: self.head.headers)
        case .query(let name): return RequestValues.query(name, in: self.target.query)
        case .clientAddress: return self.identity.address
        }
    }

    func endpointFailed(_ reason: String, _ error: (any Error)? = nil) {
        guard let endpoint = self.endpoint else { return }
        ProxyMetrics.upstreamFailed(self.route.group.name, endpoint, reason: reason)
        let isEjected = endpoint.failed(at: .now())
        self.loop.core.logger.warning(
            "an endpoint failed",
            metadata: [
                "upstream": "\(self.route.group.name)", "endpoint": "\(endpoint.url)", "reason": "\(reason)",
                "error": "\(error.map { "\($0)" } ?? "-")", "leftOut": "\(isEjected)",
            ])
    }

    /// The endpoint is done with this request.
    func release() {
        self.endpoint?.ended()
        self.endpoint = nil
    }

    // MARK: The end

    /// Answers in place of the upstream.
    func fail(_ status: HTTPResponseStatus, _ reason: String, headers: HTTPHeaders = [:], keepAlive: Bool = true) {
        guard !self.isOver else { return }
        self.entry.status = Int(status.code)
        self.entry.reason = reason
        self.entry.bytesSent = reason.utf8.count + 1
        let client = self.client
        let keepAlive =
            keepAlive && self.isRequestComplete && self.head.isKeepAlive && !self.loop.core.isDraining
        self.settle()
        client.answer(status, reason, headers: headers, isHead: self.head.method == .HEAD, keepAlive: keepAlive)
        client.finished(self, keepAlive: keepAlive)
    }

    /// Whether the whole request has come.
    var isRequestComplete: Bool { true }

    /// Whether the head of an answer has gone to the client.
    var hasBegunAnswer: Bool { false }

    /// Accounts for the exchange, once, however it ended.
    func settle() {
        guard !self.isOver else { return }
        self.isOver = true
        self.release()
        self.entry.duration = (NIODeadline.now() - self.startedAt).nanoseconds
        self.route.metrics.answered(status: self.entry.status, duration: self.entry.duration)
        self.loop.core.accessLog?.write(self.entry)
    }

    /// As ``settle()``, but for an exchange whose endpoint stays busy: a tunnel. It is accounted for when that ends.
    func handOver() -> Endpoint? {
        self.isOver = true
        defer { self.endpoint = nil }
        return self.endpoint
    }

    // MARK: Heads

    /// The head for the upstream: without the client's connection headers, with where it came from, and by the route's
    /// rules.
    func upstreamHead() -> HTTPRequestHead {
        let configuration = self.route.configuration
        var headers = HopByHopHeaders.removed(from: self.head.headers, more: 10)
        switch configuration.host {
        case .keep: if self.target.authority != nil { headers.replaceOrAdd(name: "Host", value: self.host) }
        case .upstream: headers.replaceOrAdd(name: "Host", value: self.endpoint?.url.authority ?? self.host)
        case .fixed(let host): headers.replaceOrAdd(name: "Host", value: host)
        }
        if !headers.contains(name: "Host") {
            headers.add(name: "Host", value: self.endpoint?.url.authority ?? "localhost")
        }
        // Only a checked token says who somebody is.
        if let name = configuration.webSocket.authenticate?.userHeader { headers.remove(name: name) }
        if self.client.isHTTP2 {
            // RFC 9113, section 8.2.3: HTTP/1 has one Cookie field.
            let cookies = headers["cookie"]
            if cookies.count > 1 { headers.replaceOrAdd(name: "Cookie", value: cookies.joined(separator: "; ")) }
        }
        ForwardedHeaders.set(on: &headers, for: self.identity, host: self.host)
        headers.add(name: "Via", value: "\(self.client.isHTTP2 ? "2" : "1.\(self.head.version.minor)") martlet")
        if let id = self.entry.requestID { headers.replaceOrAdd(name: "X-Request-Id", value: id) }
        configuration.requestHeaders.apply(to: &headers)
        var uri = String(self.target.path + self.target.query)
        if case .replacePrefix(let replacement) = configuration.rewrite {
            uri = self.target.replacing(prefix: configuration.path, with: replacement)
        }
        return HTTPRequestHead(version: .http1_1, method: self.head.method, uri: uri, headers: headers)
    }

    func clientHeaders(_ head: HTTPResponseHead) -> HTTPHeaders {
        var headers = HopByHopHeaders.removed(from: head.headers, more: 3)
        self.route.configuration.responseHeaders.apply(to: &headers)
        return headers
    }
}
