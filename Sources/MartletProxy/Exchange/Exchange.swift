import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// A request of a client and its answer: it chooses an upstream server, and records the outcome in metrics and log.
/// ``PlainExchange`` and ``UpgradeExchange`` use the connection to that server.
class Exchange {
    /// The client's connection, which owns its exchange.
    unowned let client: ClientConnection
    let loop: ProxyLoop
    let request: ProxiedRequest
    let startedAt: NIODeadline
    var entry: AccessLogEntry
    private(set) var tried: [Endpoint] = []
    private(set) var endpoint: Endpoint?
    private(set) var isOver = false
    var sentAt: NIODeadline?

    init(client: ClientConnection, request: ProxiedRequest, entry: AccessLogEntry, startedAt: NIODeadline) {
        self.client = client
        self.loop = client.loop
        self.request = request
        self.startedAt = startedAt
        self.entry = entry
        self.entry.take(request)
    }

    var head: HTTPRequestHead { self.request.head }
    var route: Route { self.request.route }

    // MARK: What the client's connection tells

    func start() {}
    func received(_ part: HTTPServerRequestPart) {}
    func clientReadComplete() {}
    var mayReadClient: Bool { false }
    func clientWritabilityChanged() {}
    /// The client's connection has ended, or broke the rules of HTTP.
    func clientGone() {}

    // MARK: Towards an upstream server

    /// Goes on with an open connection to ``endpoint``; subclasses override it.
    func connected(_ connection: UpstreamConnection) {}

    var isForUpgrade: Bool { false }

    /// Connects to the next upstream server that has not been tried; answers the request when there is none.
    func connect(lastError: String? = nil, isTimeout: Bool = false) {
        let group = self.route.group
        guard let endpoint = group.choose(key: self.request.hashKey, except: self.tried, at: .now()) else {
            if self.tried.isEmpty {
                self.fail(.serviceUnavailable, "no server of the upstream \(group.name) is healthy")
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

    /// Describes an error for the body of an answer, without internal addresses.
    static func describe(_ error: any Error) -> String {
        if case .connectTimeout? = error as? ChannelError { return "it did not answer in time" }
        return "no connection"
    }

    func endpointFailed(_ reason: String, _ error: (any Error)? = nil) {
        guard let endpoint = self.endpoint else { return }
        self.route.group.failed(endpoint, reason: reason, error: error, logger: self.loop.core.logger)
    }

    /// Takes over what a ``DirectHandshake`` has done for this request already.
    func adopt(tried: [Endpoint], endpoint: Endpoint?) {
        self.tried = tried
        self.endpoint = endpoint
        self.entry.endpoint = (endpoint ?? tried.last)?.name
    }

    /// Tries the next upstream server, because the request could not be sent to this one.
    func connectToNext(lastError: String) {
        if let endpoint { self.tried.append(endpoint) }
        self.release()
        self.connect(lastError: lastError)
    }

    /// Notes that the upstream server is done with this request.
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
            keepAlive && self.isRequestComplete && self.head.keepsConnection && !self.loop.core.isDraining
        self.settle()
        client.answer(status, reason, headers: headers, isHead: self.head.method == .HEAD, keepAlive: keepAlive)
        client.finished(self, keepAlive: keepAlive)
    }

    /// Answers in place of the upstream.
    final func fail(_ refusal: Refusal, keepAlive: Bool = true) {
        self.fail(
            .init(statusCode: refusal.status.code), refusal.reason, headers: HTTPHeaders(refusal.fields),
            keepAlive: keepAlive && refusal.mayStay)
    }

    /// Whether the whole request has come.
    var isRequestComplete: Bool { true }

    /// Whether the head of an answer has gone to the client.
    var hasBegunAnswer: Bool { false }

    /// Records the outcome of the exchange, once, however it ended.
    func settle() {
        guard !self.isOver else { return }
        self.isOver = true
        self.release()
        self.entry.duration = (NIODeadline.now() - self.startedAt).nanoseconds
        self.route.metrics.answered(status: self.entry.status, duration: self.entry.duration)
        self.loop.core.accessLog?.write(self.entry)
    }

    /// Ends the exchange but leaves its upstream server busy with a tunnel, which records the outcome when it ends.
    func handOver() -> Endpoint? {
        self.isOver = true
        defer { self.endpoint = nil }
        return self.endpoint
    }
}
