import HTTPTypes
import Hummingbird
import MartletService

/// Answers any method but POST on the paths of the API: a browser's preflight request, and 405 with an empty body for
/// all others. A POST of a page of another origin that is allowed gets the headers with which the page may read the
/// answer.
struct APIMethodMiddleware: RouterMiddleware {
    private let paths: Set<[Substring]>
    private let access: APIAccess

    init(paths: [String], access: APIAccess) {
        self.paths = Set(paths.map { $0.split(separator: "/") })
        self.access = access
    }

    private func isForPost(_ path: String) -> Bool {
        // As the router sees it: empty segments do not count.
        let segments = path.split(separator: "/")
        return self.paths.contains(segments) || segments.count > 1 && segments[0] == "api"
    }

    func handle(
        _ request: Request, context: ServiceRequestContext,
        next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        guard self.isForPost(request.uri.path) else { return try await next(request, context) }
        let origin = request.headers[.origin]
        if request.method == .options, origin != nil, request.headers.contains(.accessControlRequestMethod) {
            guard self.access.allowsOrigin(request, context) else {
                return self.access.refuse(.forbidden, "pages of this origin may not push", request, context)
            }
            return CrossOrigin.preflight(
                request, methods: "POST", headers: ["Authorization", "Content-Type", "Idempotency-Key", "X-API-Key"])
        }
        var response: Response
        if request.method == .post {
            response = try await next(request, context)
        } else {
            self.access.note(.methodNotAllowed, "only POST", context)
            response = Response(status: .methodNotAllowed, headers: [.allow: "POST"])
        }
        if origin != nil, self.access.allowsOrigin(request, context) {
            response.headers.append(contentsOf: CrossOrigin.fields(origin))
        }
        return response
    }
}
