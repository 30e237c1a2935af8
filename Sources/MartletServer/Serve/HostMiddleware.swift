import HTTPTypes
import Hummingbird
import MartletHTTP
import MartletService

/// Refuses requests on the listener for operators whose host is not this machine's: a page whose host name has been made
/// to point here (DNS rebinding) would be of the same host otherwise.
///
/// Everything is refused where nobody shows a key. Otherwise the API is not, which asks for one, and nothing is where the
/// listener can be reached from other machines, under names that nobody knows here, or where a trusted proxy asks.
struct HostMiddleware: RouterMiddleware {
    let live: LiveConfiguration

    func handle(
        _ request: Request, context: ServiceRequestContext,
        next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        let configuration = self.live.configuration
        let isOpen = configuration.isOpenToReaders(request.head.path ?? "/") && configuration.admin?.isLoopback == true
        guard
            configuration.allowsHost(request.head.authority),
            !isOpen || PushServerConfiguration.isLoopback(request.head.authority)
                || configuration.trustedProxies.contains(context.remoteAddress)
        else { return .text("this is not for pages of other hosts", status: .forbidden) }
        return try await next(request, context)
    }
}
