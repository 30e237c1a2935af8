import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletWebSocket

/// Who may use the API of servers.
struct APIAccess: Sendable {
    let service: PushService
    let configuration: PushServerConfiguration

    /// Why a request may not use it: a page of another origin could otherwise push with what the browser can reach (a
    /// browser sends `Origin` with every POST, a back end sends none), and whoever has no key.
    func refusal(of request: Request, _ context: RequestContext) async -> Response? {
        guard self.configuration.apiKeys.map({ $0.key(of: request.head) != nil }) ?? true,
            await self.configuration.hooks.authorizePush?(request.head, context.remoteAddress) ?? true
        else {
            return self.refuse(.unauthorized, "", context)
        }
        guard self.configuration.effectiveOrigin.allows(request.head, isSecure: false) else {
            return self.refuse(.forbidden, "pages of this origin may not push", context)
        }
        return nil
    }

    private func refuse(_ status: HTTPResponse.Status, _ body: String, _ context: RequestContext) -> Response {
        self.service.refusedPush()
        context.logger.info(
            "refused a push",
            metadata: [
                "status": "\(status.code)", "address": "\(context.remoteAddress?.description ?? "-")",
                "reason": "\(body.isEmpty ? "the API key is missing or wrong" : body)",
            ])
        return body.isEmpty ? Response(status: status) : .text(body, status: status)
    }
}
