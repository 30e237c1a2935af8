import HTTPTypes
import Hummingbird

/// Answers any method but POST on some paths with 405 and an empty body.
struct PostOnlyMiddleware: RouterMiddleware {
    let paths: [String]

    func handle(
        _ request: Request, context: RequestContext,
        next: (Request, RequestContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .post || !self.paths.contains(request.uri.path) else {
            return Response(status: .methodNotAllowed, headers: [.allow: "POST"])
        }
        return try await next(request, context)
    }
}
