import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletWebSocket
import NIOCore

/// The page at `/` of the push service, its files, and the requests that it sends.
struct ConsoleRoutes {
    private struct Sessions: Encodable {
        let sessions: [ConsoleSession]
        /// Whether there are more.
        let more: Bool
    }

    /// Sessions that are listed at once.
    private static let listed = 1...1000

    let live: LiveConfiguration
    let access: ConsoleAccess
    let page: ConsolePage
    let startedAt = NIODeadline.now()

    private var service: PushService { self.live.service }

    func add(to router: Router<ServiceRequestContext>) {
        self.page.add(to: router) { await self.access.refusal(of: $0, $1, for: .page) }
        router.get("/console/figures") { request, context in
            if let refusal = await self.access.refusal(of: request, context, for: .page) { return refusal }
            let uptime = Double((.now() - self.startedAt).nanoseconds) / 1e9
            return try Self.json(ConsoleFigures(self.service, uptime: uptime))
        }
        router.get("/console/sessions", use: self.sessions)
        router.post("/console/drop", use: self.drop)
    }

    /// Answers `GET /console/sessions?search=TEXT&limit=NUMBER`.
    @Sendable
    private func sessions(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .sessions) { return refusal }
        let search = request.uri.queryParameters["search"].map(String.init) ?? ""
        guard let limit = Int(request.uri.queryParameters["limit"] ?? "100"), Self.listed.contains(limit) else {
            return .text("limit is a number from 1 to 1000", status: .badRequest)
        }
        let found = await self.service.sessions(matching: search, limit: limit + 1)
        let now = NIODeadline.now()
        return try Self.json(
            Sessions(
                sessions: found.prefix(limit).map { ConsoleSession($0, now: now) }, more: found.count > limit))
    }

    /// Answers `POST /console/drop` with `{"id":"…","user":"…"}`, as they were listed.
    @Sendable
    private func drop(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .sessions) { return refusal }
        context.wantsBody()
        let body = try await request.body.collect(upTo: 64 * 1024)
        guard let drop = try? JSONObject(body), let user = try? drop.string(.exact("user")),
            let id = try? SessionID(drop.string(.exact("id")))
        else { return .text(#"expected {"id":"…","user":"…"}"#, status: .badRequest) }
        let isDropped = await self.service.disconnect(session: id, of: user)
        if isDropped {
            context.logger.notice(
                "disconnected a session from the console",
                metadata: ["session": "\(id)", "user": "\(SafeText.forLog(user))"])
        }
        return .json(#"{"dropped":\#(isDropped)}"#)
    }

    static func json(_ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var response = Response.json(String(decoding: try encoder.encode(value), as: UTF8.self))
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}
