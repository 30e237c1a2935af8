import HTTPTypes
import Hummingbird
import Logging
import MartletAuth
import MartletHTTP
import MartletProtocol
import MartletPush
import MartletService
import MartletWebSocket
import NIOCore

/// Decides which requests may use the API of servers.
struct APIAccess: Sendable {
    enum Decision {
        /// The name of the key, for limits.
        case allow(key: String)
        case refuse(Response)
    }

    enum Body {
        case bytes(ByteBuffer)
        case refuse(Response)
    }

    private static let contentEncoding = HTTPField.Name("Content-Encoding")!
    private static let acceptEncoding = HTTPField.Name("Accept-Encoding")!

    let live: LiveConfiguration

    /// Decides whether a request may use the API: not from a page of another origin, which could otherwise push to
    /// whatever its browser can reach (a browser sends `Origin` with every POST, a back end sends none), not without a
    /// key, and not too often.
    func decide(_ request: Request, _ context: ServiceRequestContext) async -> Decision {
        let snapshot = self.live.now
        let client = snapshot.configuration.trustedProxies.client(
            of: request.head, peer: context.remoteAddress, isSecure: context.isSecure)
        let shown: String
        switch snapshot.configuration.apiKeys?.check(
            APIKeys.shown(by: request.head), from: client.address, self.live.keyGuard)
        {
        case nil: shown = APIKey.none
        case .right(let name): shown = name
        case .missing, .wrong: return .refuse(self.unauthorized(request, context))
        case .tooMany(let seconds): return .refuse(self.tooMany(seconds, "too many wrong API keys", request, context))
        }
        guard await snapshot.configuration.hooks.authorizePush?(request.head, context.remoteAddress) ?? true else {
            return .refuse(self.unauthorized(request, context))
        }
        guard self.allowsOrigin(of: request.head, client, snapshot) else {
            return .refuse(self.refuse(.forbidden, "pages of this origin may not push", request, context))
        }
        if let seconds = self.live.pushes.refusal(of: shown) {
            self.live.service.counters.add(to: .rateLimited)
            return .refuse(self.tooMany(seconds, "too many requests with this API key", request, context))
        }
        context.channel.pipeline.fireUserInboundEventTriggered(ProvedEvent())
        return .allow(key: shown)
    }

    /// Whether a page of the origin that a request names may use the API.
    func allowsOrigin(_ request: Request, _ context: ServiceRequestContext) -> Bool {
        let snapshot = self.live.now
        let client = snapshot.configuration.trustedProxies.client(
            of: request.head, peer: context.remoteAddress, isSecure: context.isSecure)
        return self.allowsOrigin(of: request.head, client, snapshot)
    }

    private func allowsOrigin(
        of head: HTTPRequest, _ client: ClientIdentity, _ snapshot: LiveConfiguration.Snapshot
    ) -> Bool {
        var head = head
        if let authority = client.authority { head.authority = authority }
        return snapshot.origin.allows(head, isSecure: client.isClientSecure)
    }

    private func unauthorized(_ request: Request, _ context: ServiceRequestContext) -> Response {
        var response = self.refuse(.unauthorized, "the API key is missing or wrong", plain: "", request, context)
        response.headers[.wwwAuthenticate] = #"Bearer realm="martlet API""#
        return response
    }

    private func tooMany(
        _ seconds: Int, _ reason: String, _ request: Request, _ context: ServiceRequestContext
    ) -> Response {
        var response = self.refuse(.tooManyRequests, reason, request, context)
        response.headers[.retryAfter] = String(seconds)
        return response
    }

    /// Refuses a request: counts it, logs it, and makes the answer.
    func refuse(
        _ status: HTTPResponse.Status, _ reason: String, plain text: String? = nil, _ request: Request,
        _ context: ServiceRequestContext
    ) -> Response {
        self.note(status, reason, context)
        return APIAnswerStyle(request).response(status, reason, plain: text)
    }

    /// Counts a request that is refused, and logs it.
    func note(_ status: HTTPResponse.Status, _ reason: String, _ context: ServiceRequestContext) {
        self.live.service.refusedPush()
        self.live.service.counters.refusals.count(RefusalReason(apiStatus: status.code))
        context.logger.info(
            "refused a request to the API",
            metadata: [
                "status": "\(status.code)", "address": "\(context.remoteAddress?.text ?? "-")",
                "reason": "\(reason)",
            ])
    }

    /// Reads the body of a request that may use the API, and inflates it (RFC 9110, section 8.4.1.3).
    func body(of request: Request, _ context: ServiceRequestContext) async throws -> Body {
        let limit = self.live.configuration.maximumBodySize
        let codings = HeaderList.elements(request.headers[values: Self.contentEncoding]).map { $0.lowercased() }
            .filter { $0 != "identity" }
        guard codings.isEmpty || codings == ["gzip"] || codings == ["x-gzip"] else {
            var response = self.refuse(
                .unsupportedMediaType, "the body is compressed in a way that is not known here; gzip is", request,
                context)
            response.headers[Self.acceptEncoding] = "gzip"
            return .refuse(response)
        }
        let tooLong = "the body is longer than \(limit) bytes"
        // Whoever waits to send it is told at once.
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            return .refuse(self.refuse(.contentTooLarge, tooLong, request, context))
        }
        context.wantsBody()
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: limit)
        } catch let error as any HTTPResponseError where error.status == .contentTooLarge {
            return .refuse(self.refuse(.contentTooLarge, tooLong, request, context))
        }
        guard !codings.isEmpty else { return .bytes(body) }
        // A few bytes may be many.
        switch await LongWork.run(LongWork.size, { Gzip.inflate(body, limit: limit) }) {
        case .success(let bytes): return .bytes(bytes)
        case .failure(.tooLong): return .refuse(self.refuse(.contentTooLarge, tooLong, request, context))
        case .failure(.corrupt):
            return .refuse(
                self.refuse(.badRequest, "the body is not valid gzip", plain: "request data illegal", request, context))
        }
    }
}
