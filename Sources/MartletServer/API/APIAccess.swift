import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletWebSocket
import NIOCore

/// Decides which requests may use the API of servers.
struct APIAccess: Sendable {
    enum Decision {
        /// The name of the key, for limits.
        case allow(key: String)
        case refuse(Response)
    }

    let live: LiveConfiguration

    /// Decides whether a request may use the API: not from a page of another origin, which could otherwise push to
    /// whatever its browser can reach (a browser sends `Origin` with every POST, a back end sends none), not without a
    /// key, and not too often.
    func decide(_ request: Request, _ context: ServiceRequestContext) async -> Decision {
        let snapshot = self.live.now
        let shown = snapshot.configuration.apiKeys?.key(of: request.head)?.name
        guard snapshot.configuration.apiKeys == nil || shown != nil,
            await snapshot.configuration.hooks.authorizePush?(request.head, context.remoteAddress) ?? true
        else {
            return .refuse(self.refuse(.unauthorized, "", context))
        }
        guard snapshot.origin.allows(request.head, isSecure: snapshot.configuration.tls != nil) else {
            return .refuse(self.refuse(.forbidden, "pages of this origin may not push", context))
        }
        let key = shown ?? APIKey.none
        if let seconds = self.live.pushes.refusal(of: key) {
            self.live.service.counters.add(to: .rateLimited)
            var response = self.refuse(.tooManyRequests, "too many requests with this API key", context)
            response.headers[.retryAfter] = String(seconds)
            return .refuse(response)
        }
        return .allow(key: key)
    }

    private func refuse(_ status: HTTPResponse.Status, _ body: String, _ context: ServiceRequestContext) -> Response {
        self.note(status, body.isEmpty ? "the API key is missing or wrong" : body, context)
        return body.isEmpty ? Response(status: status) : .text(body, status: status)
    }

    /// Counts a request that is refused, and logs it.
    func note(_ status: HTTPResponse.Status, _ reason: String, _ context: ServiceRequestContext) {
        self.live.service.refusedPush()
        context.logger.info(
            "refused a request to the API",
            metadata: [
                "status": "\(status.code)", "address": "\(context.remoteAddress?.text ?? "-")",
                "reason": "\(reason)",
            ])
    }

    /// The body of a request that may use the API.
    func body(of request: Request, _ context: ServiceRequestContext) async throws -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: self.live.configuration.maximumBodySize)
        } catch let error as any HTTPResponseError {
            self.note(error.status, "the body is too long", context)
            throw error
        }
    }
}
