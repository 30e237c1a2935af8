import HTTPTypes
import Hummingbird
import MartletService

/// Refuses requests whose host is not this machine's where nobody shows a key: a page whose host name has been made to
/// point here (DNS rebinding) would be of the same host otherwise.
struct HostMiddleware: RouterMiddleware {
    let live: LiveConfiguration

    func handle(
        _ request: Request, context: ServiceRequestContext,
        next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        guard self.live.configuration.allowsHost(request.head.authority) else {
            return .text("this is not for pages of other hosts", status: .forbidden)
        }
        return try await next(request, context)
    }
}
