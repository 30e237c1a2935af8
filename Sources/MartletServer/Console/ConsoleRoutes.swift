import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletService
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
    let sampler: FigureSampler
    let records: RecentLogRecords
    private let figureAnswers: FigureAnswers
    private let channels: ChannelScan
    private let startedAt = NIODeadline.now()
    private let startTime = Date().timeIntervalSince1970

    private var service: PushService { self.live.service }

    init(
        live: LiveConfiguration, access: ConsoleAccess, page: ConsolePage, sampler: FigureSampler,
        records: RecentLogRecords
    ) {
        self.live = live
        self.access = access
        self.page = page
        self.sampler = sampler
        self.figureAnswers = FigureAnswers(sampler)
        self.records = records
        self.channels = ChannelScan(live.service)
    }

    func add(to router: Router<ServiceRequestContext>) {
        self.page.add(to: router) { await self.access.refusal(of: $0, $1, for: .page) }
        router.get("/console/figures", use: self.figures)
        router.get("/console/history", use: self.history)
        router.get("/console/details", use: self.details)
        router.get("/console/sessions", use: self.sessions)
        router.post("/console/drop", use: self.drop)
    }

    @Sendable
    private func figures(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .page) { return refusal }
        let uptime = Double((.now() - self.startedAt).nanoseconds) / 1e9
        return try Self.json(
            ConsoleFigures(self.live, self.sampler, startedAt: self.startTime, uptime: uptime))
    }

    /// Answers `GET /console/history?range=10m|1h|24h&after=NUMBER`.
    @Sendable
    private func history(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .page) { return refusal }
        let values = request.uri.queryParameters
        guard let span = FigureSpan(rawValue: String(values["range"] ?? "10m")) else {
            return .text("range is 10m, 1h or 24h", status: .badRequest)
        }
        guard let after = Int(values["after"] ?? "-1"), after >= -1 else {
            return .text("after is the number of a sample", status: .badRequest)
        }
        return Self.unstored(Response.json(try await self.figureAnswers.answer(span, after: after)))
    }

    @Sendable
    private func details(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .sessions) { return refusal }
        return try Self.json(
            ConsoleDetails(await self.channels.top(), self.records, self.live.configuration))
    }

    /// Answers `GET /console/sessions?search=TEXT&limit=NUMBER`, and `?user=NAME` for those of one user.
    @Sendable
    private func sessions(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .sessions) { return refusal }
        let values = request.uri.queryParameters
        guard let limit = Int(values["limit"] ?? "100"), Self.listed.contains(limit) else {
            return .text("limit is a number from 1 to 1000", status: .badRequest)
        }
        let found =
            if let user = values["user"].map(String.init) {
                await self.service.sessions(of: user, limit: limit + 1)
            } else {
                await self.service.sessions(matching: values["search"].map(String.init) ?? "", limit: limit + 1)
            }
        let now = NIODeadline.now()
        return try Self.json(
            Sessions(
                sessions: found.prefix(limit).map { ConsoleSession($0, now: now) }, more: found.count > limit))
    }

    /// Answers `POST /console/drop` with `{"id":"…","user":"…"}`, as they were listed, or with `{"user":"…"}` for all
    /// sessions of a user.
    @Sendable
    private func drop(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        if let refusal = await self.access.refusal(of: request, context, for: .sessions) { return refusal }
        context.wantsBody()
        let body = try await request.body.collect(upTo: 64 * 1024)
        guard let drop = try? JSONObject(body), let user = try? drop.string(.exact("user")), !user.isEmpty else {
            return Self.illegalDrop
        }
        guard drop["id"] != nil else {
            let count = await self.service.disconnect(user: user, event: nil)
            context.logger.notice(
                "disconnected a user from the console",
                metadata: ["user": "\(SafeText.forLog(user))", "sessions": "\(count)"])
            return .json(#"{"dropped":\#(count)}"#)
        }
        guard let id = try? SessionID(drop.string(.exact("id"))) else { return Self.illegalDrop }
        let isDropped = await self.service.disconnect(session: id, of: user)
        if isDropped {
            context.logger.notice(
                "disconnected a session from the console",
                metadata: ["session": "\(id)", "user": "\(SafeText.forLog(user))"])
        }
        return .json(#"{"dropped":\#(isDropped)}"#)
    }

    private static var illegalDrop: Response {
        .text(#"expected {"user":"…"} or {"id":"…","user":"…"}"#, status: .badRequest)
    }

    static func json(_ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Self.unstored(.json(String(decoding: try encoder.encode(value), as: UTF8.self)))
    }

    private static func unstored(_ answer: Response) -> Response {
        var response = answer
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}
