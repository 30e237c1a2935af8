import HTTPTypes
import Hummingbird
import Logging
import MartletHTTP
import MartletPush
import MartletService
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// The answers of the push service: everything for operators, and what clients need on a listener of theirs.
struct PushEndpoints: Sendable {
    let sampler: FigureSampler
    private let live: LiveConfiguration
    private let demo: Demo?
    private let records: RecentLogRecords
    private let eventStreams: EventStreams
    private let demoStreams: EventStreams?
    private let publisher: Publisher
    private let access: APIAccess
    private let metrics: ServiceMetrics
    private let push: PushEndpoint

    init(
        _ live: LiveConfiguration, demo: Demo?, records: RecentLogRecords, group: any EventLoopGroup, logger: Logger
    ) async {
        self.live = live
        self.demo = demo
        self.records = records
        self.eventStreams = await EventStreams(live, group: group)
        self.demoStreams = if let demo { await EventStreams(demo.live, group: group) } else { nil }
        self.publisher = Publisher(live.service)
        self.access = APIAccess(live: live)
        self.metrics = ServiceMetrics(
            service: live.service, certificates: live.configuration.tls.map { [$0] } ?? [])
        self.sampler = FigureSampler { FigureTotals(live) }
        self.push = PushEndpoint(live, logger: logger)
    }

    /// Answers a share of the polls that wait, since the service stops.
    func finishPolls(_ share: Double) {
        self.eventStreams.finishPolls(share)
        self.demoStreams?.finishPolls(share)
    }

    // MARK: Without the router

    /// The answers where there is one listener for everybody.
    var whole: HTTPServer.Endpoints {
        .init(
            webSocket: { self.webSocket($0) ?? self.demo?.endpoint(for: $0) },
            request: { self.push.endpoint(for: $0) },
            stream: { self.eventStreams.endpoint(for: $0) ?? self.demoStreams?.endpoint(for: $0) })
    }

    /// The same on a listener for operators, which looks at the host.
    var ofOperators: HTTPServer.Endpoints {
        var endpoints = self.whole
        endpoints.request = {
            self.live.configuration.allowsHost($0.headers.first(name: "host")) ? self.push.endpoint(for: $0) : nil
        }
        return endpoints
    }

    /// The answers on a listener for clients.
    var ofClients: HTTPServer.Endpoints {
        .init(webSocket: { self.webSocket($0) }, stream: { self.eventStreams.endpoint(for: $0) })
    }

    private func webSocket(_ request: HTTPRequest) -> WebSocketEndpoint? {
        let snapshot = self.live.now
        return RequestPath.isSame(request.path, snapshot.configuration.webSocketPath) ? snapshot.endpoint : nil
    }

    // MARK: With the router

    func addWhole(to router: Router<ServiceRequestContext>) {
        router.middlewares.add(
            APIMethodMiddleware(paths: [self.live.configuration.pushPath, "/drop"], access: self.access))
        PushRoutes(live: self.live, publisher: self.publisher, access: self.access).add(to: router)
        router.get("/metrics") { [live, metrics] request, _ in
            guard live.configuration.allowsHost(request.head.authority) else {
                return Response.text("metrics are not for this host", status: .forbidden)
            }
            return Response.text(metrics.text(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
        APIRoutes(live: self.live, publisher: self.publisher, access: self.access, node: APINode()).add(to: router)
        self.addThoseOfClients(to: router)
        guard let demo = self.demo else { return }
        let access = ConsoleAccess(live: self.live)
        ConsoleRoutes(live: self.live, access: access, page: self.page, sampler: self.sampler, records: self.records)
            .add(to: router)
        demo.add(to: router) { await access.refusal(of: $0, $1, for: .page) }
        self.demoStreams?.add(to: router)
    }

    func addThoseOfClients(to router: Router<ServiceRequestContext>) {
        self.eventStreams.add(to: router)
        ScriptRoute.add(to: router)
    }

    private var page: ConsolePage {
        let configuration = self.live.configuration
        return ConsolePage(
            .init(
                mode: .serve, webSocketPath: configuration.webSocketPath, pushPath: configuration.pushPath,
                eventsPath: configuration.eventStreams.eventsPath, pollPath: configuration.eventStreams.pollPath))
    }
}
