import HTTPTypes
import Hummingbird
import Logging
import MartletWebSocket
import NIOCore

/// Asks a Hummingbird router what to do with a handshake.
struct WebSocketRouting: Sendable {
    typealias Responder = @Sendable (Request, any Channel, Logger) async throws -> Response

    /// The longest body of a refusal, in bytes, that is passed on.
    private static let maximumBodySize = 64 * 1024

    private let respond: Responder

    init<Context: InitializableFromSource<ApplicationRequestContextSource> & RequestContext>(_ router: Router<Context>)
    {
        let responder = router.buildResponder()
        self.respond = { request, channel, logger in
            let context = Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            do {
                return try await responder.respond(to: request, context: context)
            } catch let error as any HTTPResponseError {
                return try error.response(from: request, context: context)
            }
        }
    }

    /// Returns the endpoint of every opening handshake on a channel: it leaves the decision to the router.
    func lookup(
        _ channel: any Channel, _ jobs: ConnectionJob, _ logger: Logger
    ) -> WebSocketUpgradeHandler.EndpointLookup {
        // The route's own origin policy is asked once the route is known.
        let endpoint = WebSocketEndpoint(
            origin: .any,
            authorize: { request in await self.authorize(request, channel, jobs, logger) },
            makeHandler: { _, _ in preconditionFailure("the router chooses the endpoint") })
        return { request in
            ServerHandshake.isUpgradeRequest(request)
                || request.method == .get && request.extendedConnectProtocol != nil ? endpoint : nil
        }
    }

    private func authorize(
        _ request: WebSocketRequest, _ channel: any Channel, _ jobs: ConnectionJob, _ logger: Logger
    ) async -> WebSocketAuthorization {
        let slot = UpgradeSlot(jobs: jobs)
        do {
            let response = try await UpgradeSlot.$current.withValue(slot) {
                try await self.respond(Request(head: request.head, body: .init(buffer: ByteBuffer())), channel, logger)
            }
            var fields = response.headers
            fields[.contentLength] = nil
            if response.status == .switchingProtocols, let endpoint = slot.endpoint {
                return .proceed(with: endpoint, headerFields: fields)
            }
            let body = BodyCollector(limit: Self.maximumBodySize)
            try await response.body.write(body)
            return .refuse(response.status, reason: body.text, headerFields: fields)
        } catch {
            logger.error("a WebSocket route failed before its upgrade", metadata: ["error": "\(error)"])
            return .refuse(.internalServerError, reason: "the server failed")
        }
    }
}
