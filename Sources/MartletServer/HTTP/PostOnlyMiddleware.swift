import HTTPTypes
import Hummingbird

/// Answers any method but POST on some paths, and below `/api`, with 405 and an empty body.
struct PostOnlyMiddleware: RouterMiddleware {
    let paths: [String]
    let onRefusal: @Sendable (ServiceRequestContext) -> Void

    private func isForPost(_ path: String) -> Bool { self.paths.contains(path) || path.hasPrefix("/api/") }

    func handle(
        _ request: Request, context: ServiceRequestContext,
        next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .post || !self.isForPost(request.uri.path) else {
            self.onRefusal(context)
            return Response(status: .methodNotAllowed, headers: [.allow: "POST"])
        }
        return try await next(request, context)
    }
}
