import HTTPTypes
import Hummingbird
import Logging
import MartletHTTP
import MartletProtocol
import MartletPush
import MartletWebSocket
import NIOCore
import Synchronization

/// `GET /sse` and `GET /poll`: the event-stream dialect over plain HTTP.
final class EventStreams: Sendable {
    private let live: LiveConfiguration
    private let polls: [ObjectIdentifier: NIOLoopBound<WaitingPolls>]
    private let eventLoops: [any EventLoop]
    private let isStopping = Atomic(false)

    private var service: PushService { self.live.service }
    private var configuration: EventStreamConfiguration { self.live.configuration.eventStreams }

    init(_ live: LiveConfiguration, group: any EventLoopGroup) async {
        self.live = live
        self.eventLoops = Array(group.makeIterator())
        var polls: [ObjectIdentifier: NIOLoopBound<WaitingPolls>] = [:]
        for eventLoop in self.eventLoops {
            polls[ObjectIdentifier(eventLoop)] = try? await eventLoop.submit {
                NIOLoopBound(WaitingPolls(eventLoop), eventLoop: eventLoop)
            }.get()
        }
        self.polls = polls
    }

    /// Returns the endpoint that answers a request with a stream; `nil` for other requests.
    func endpoint(for head: HTTPRequest) -> StreamEndpoint? {
        guard head.method == .get, RequestPath.isSame(head.path, self.configuration.eventsPath) else { return nil }
        var fields: HTTPFields = [:]
        Self.addOrigin(head.headerFields[.origin], to: &fields)
        var endpoint = StreamEndpoint(
            origin: self.live.now.streamOrigin,
            onOriginRefusal: { self.refusedOrigin() },
            connectionLimiter: self.live.connections, refusalFields: fields
        ) {
            await self.decide($0)
        }
        endpoint.answerToRefusal = { self.answer(to: $0, $1) }
        return endpoint
    }

    /// The answer to a client that is refused for a while: an `EventSource` gives up for good after any status but 200
    /// (HTML, section 9.2.3), so that one that can be told gets an empty stream, and the time after which to come back.
    private func answer(to refusal: Refusal, _ request: HTTPRequest) -> Refusal {
        guard refusal.status == .serviceUnavailable || refusal.status == .tooManyRequests,
            HeaderList.elements(request.headerFields[values: .accept]).contains(where: {
                $0.lowercased().hasPrefix("text/event-stream")
            })
        else { return refusal }
        let least = (refusal.fields[.retryAfter].flatMap { Int($0) } ?? 0) * 1000
        let range = self.configuration.retry
        let spread = Int.random(in: 0...(range.upperBound - range.lowerBound))
        let retry =
            max(least, range.lowerBound)
            + (least > range.upperBound ? spread : min(spread, range.upperBound - max(least, range.lowerBound)))
        var answer = Refusal(.ok, "retry: \(retry)\n\n", refusal.fields, mayStay: refusal.mayStay)
        answer.fields[.contentType] = "text/event-stream"
        answer.fields[.cacheControl] = "no-store"
        return answer
    }

    func add(to router: Router<ServiceRequestContext>) {
        for path in [self.configuration.eventsPath, self.configuration.pollPath] {
            router.on(RouterPath(path), method: .options, use: self.preflight)
            router.head(RouterPath(path)) { _, _ in
                Response(status: .methodNotAllowed, headers: [.allow: "GET, OPTIONS"])
            }
            for method in [HTTPRequest.Method.post, .put, .delete, .patch] {
                router.on(RouterPath(path), method: method) { _, _ in
                    Response(status: .methodNotAllowed, headers: [.allow: "GET, OPTIONS"])
                }
            }
        }
        router.get(RouterPath(self.configuration.pollPath), use: self.poll)
    }

    /// The server is about to stop: polls that wait are answered.
    ///
    /// - Parameter share: the share of them that is answered; with 1 also those that come later are answered at once.
    func finishPolls(_ share: Double) {
        if share >= 1 { self.isStopping.store(true, ordering: .relaxed) }
        for eventLoop in self.eventLoops {
            guard let polls = self.polls[ObjectIdentifier(eventLoop)] else { continue }
            eventLoop.execute { polls.value.finish(share, retry: self.configuration.retry) }
        }
    }

    // MARK: Server-sent events

    private func decide(_ request: WebSocketRequest) async -> StreamEndpoint.Decision {
        switch await self.check(request.head, address: request.clientAddress) {
        case .failure(let refusal):
            self.service.counters.add(to: .refusedRegistrations)
            return .refuse(refusal)
        case .success(let accepted):
            let configuration = self.configuration
            let address = request.clientAddress == request.remoteAddress?.ipAddress ? nil : request.clientAddress
            let isPlainTCP = self.live.configuration.tls == nil
            let fields = ServerSentEvents.fields(allowedOrigin: accepted.allowedOrigin)
            return .open(fields) { _, version in
                ServerSentEvents(configuration, address: address, fields, version, isPlainTCP: isPlainTCP) {
                    eventLoop in
                    self.service.session(
                        over: .sse, accepted.dialect(accepted.request.isJSON ? .jsonEvents : .events), on: eventLoop)
                }
            }
        }
    }

    // MARK: Polls

    @Sendable
    private func poll(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        let client = self.live.configuration.trustedProxies.client(
            of: request.head, peer: context.remoteAddress, isSecure: context.isSecure)
        var head = request.head
        if let authority = client.authority { head.authority = authority }
        var admission: ConnectionLimiter.Admission?
        defer { admission?.end() }
        var (decision, action) = UpgradeDecision.begin(
            .init(handshake: nil, isSecure: client.isClientSecure, head: { [head] in head }),
            .init(origin: self.live.now.streamOrigin, hasHook: true))
        if case .refuse = action { self.refusedOrigin() }
        if case .admit = action {
            do {
                admission = try self.live.connections.admit(address: client.address)
                action = decision.admitted(nil)
            } catch {
                // On a connection that was there before the last clients were let in.
                if self.live.connections.isClosed {
                    var response = Self.restart(.random(in: self.configuration.retry))
                    Self.addOrigin(request.headers[.origin], to: &response.headers)
                    return response
                }
                let counter: PushCounters.Name = if case .tooMany = error { .rateLimited } else { .refusedSessions }
                self.service.counters.add(to: counter)
                self.service.counters.refusals.count(counter == .rateLimited ? .rate : .connections)
                action = decision.admitted(error.answer())
            }
        }
        if case .refuse(var refusal) = action {
            Self.addOrigin(request.headers[.origin], to: &refusal.fields)
            return self.refuse(refusal, context)
        }
        switch await self.check(head, address: client.address) {
        case .failure(let refusal):
            self.service.counters.add(to: .refusedRegistrations)
            return self.refuse(refusal, context)
        case .success(let accepted):
            context.channel.pipeline.fireUserInboundEventTriggered(ProvedEvent())
            let eventLoop = self.eventLoops.randomElement()
            guard let eventLoop, let polls = self.polls[ObjectIdentifier(eventLoop)] else {
                return Response(status: .serviceUnavailable)
            }
            // A client that has left takes nothing any more: the next push is kept for it.
            let waiting = NIOLoopBoundBox<Poll?>.makeEmptyBox(valueType: Poll.self, eventLoop: eventLoop)
            let hasLeft = NIOLoopBoundBox.makeBoxSendingValue(false, eventLoop: eventLoop)
            let answer = try await request.body.consumeWithInboundCloseHandler { _ in
                await withCheckedContinuation { continuation in
                    eventLoop.execute {
                        let session = self.service.session(over: .poll, accepted.dialect(.poll), on: eventLoop)
                        let poll = Poll(session, address: client.address ?? "-", among: polls.value)
                        waiting.value = poll
                        defer { if hasLeft.value { poll.finish(.nothing) } }
                        poll.start(wait: accepted.request.wait, accepted.user, continuation)
                        if self.isStopping.load(ordering: .relaxed) {
                            poll.leave(retry: .random(in: self.configuration.retry))
                        }
                    }
                }
            } onInboundClosed: {
                eventLoop.execute {
                    hasLeft.value = true
                    waiting.value?.finish(.nothing)
                }
            }
            var response =
                switch answer {
                case .items(let json, nil): self.answer(json, to: request)
                case .items(let json, let retry?): self.answer(Self.adding(retry, to: json), to: request)
                case .nothing: Response(status: .noContent)
                case .restart(let retry): Self.restart(retry)
                case .unavailable(let reason): Self.unavailable(reason)
                case .refused(let reason): Response.text(reason, status: .forbidden)
                }
            response.headers[HTTPField.Name.cacheControl] = "no-store"
            // Hummingbird has given the connection's input away, to notice a client that leaves: nothing can follow.
            response.headers[HTTPField.Name.connection] = "close"
            // And if something does follow, Hummingbird would wait for its end.
            let channel = context.channel
            channel.eventLoop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) }
            let isVaried = response.headers[.vary] != nil
            Self.addOrigin(accepted.allowedOrigin, to: &response.headers)
            if isVaried {
                response.headers[.vary] = accepted.allowedOrigin == nil ? "Accept-Encoding" : "Origin, Accept-Encoding"
            }
            return response
        }
    }

    /// Adds the member `retry` to a JSON object that has others.
    private static func adding(_ retry: Int, to json: ByteBuffer) -> ByteBuffer {
        var result = ByteBuffer(string: "{\"retry\":\(retry),")
        result.writeBytes(json.readableBytesView.dropFirst())
        return result
    }

    /// Bytes of an answer that is not worth compressing.
    private static let shortAnswer = 256

    private func answer(_ json: ByteBuffer, to request: Request) -> Response {
        guard self.live.configuration.compressesAnswers else { return Response.json(json) }
        guard json.readableBytes > Self.shortAnswer, AcceptEncoding.allowsGzip(request.headers[values: .acceptEncoding])
        else {
            var response = Response.json(json)
            response.headers[.vary] = "Accept-Encoding"
            return response
        }
        var response = Response.json(ByteBuffer(bytes: Gzip.compress(Array(json.readableBytesView))))
        response.headers[.contentEncoding] = "gzip"
        response.headers[.vary] = "Accept-Encoding"
        return response
    }

    /// - Parameter retry: milliseconds; the header has whole seconds.
    private static func restart(_ retry: Int) -> Response {
        var response = Response.text("the server restarts; retry: \(retry)", status: .serviceUnavailable)
        response.headers[.retryAfter] = String((retry + 999) / 1000)
        return response
    }

    private static func unavailable(_ reason: String) -> Response {
        var response = Response.text(reason, status: .serviceUnavailable)
        response.headers[.retryAfter] = "5"
        return response
    }

    // MARK: What both check

    private func refusedOrigin() {
        self.service.counters.add(to: .refusedRegistrations)
        self.service.counters.refusals.count(.origin)
    }

    private struct Accepted {
        let request: EventStreamRequest
        let user: PushUser
        let place: UserPlace
        /// The origin of a page on another host, for the answer.
        let allowedOrigin: String?

        func dialect(_ format: EventStreamFormat) -> EventStreamDialect {
            EventStreamDialect(format, self.request, user: self.user, place: self.place)
        }
    }

    /// Checks what is left after all other checks: the request itself, its token, and the limit of its user.
    private func check(_ head: HTTPRequest, address: String?) async -> Result<Accepted, Refusal> {
        let origin = head.headerFields[.origin]
        let snapshot = self.live.now
        var fields: HTTPFields = [:]
        // Also for a page that is refused, so that it can say why.
        Self.addOrigin(origin, to: &fields)
        let request: EventStreamRequest
        do {
            request = try EventStreamRequest(head, maximumEvents: snapshot.configuration.limits.eventsPerSession)
        } catch {
            self.service.counters.refusals.count(.request)
            return .failure(Refusal(.badRequest, error.reason, fields))
        }
        switch await self.service.user(of: request, address: address) {
        case .user(let user):
            guard case .admitted(let place) = self.service.admit(user: user.id) else {
                fields[.retryAfter] = "5"
                return .failure(Refusal(.tooManyRequests, "this user has too many connections", fields))
            }
            return .success(Accepted(request: request, user: user, place: place, allowedOrigin: origin))
        case .unavailable:
            fields[.retryAfter] = "5"
            return .failure(Refusal(.serviceUnavailable, "tokens cannot be checked at the moment", fields))
        case .refused:
            fields[.wwwAuthenticate] = request.token == nil ? "Bearer" : "Bearer error=\"invalid_token\""
            let reason = request.token == nil ? "a token is needed" : "the token is not valid"
            return .failure(Refusal(.unauthorized, reason, fields))
        }
    }

    private static func addOrigin(_ origin: String?, to fields: inout HTTPFields) {
        for field in CrossOrigin.fields(origin) { fields[field.name] = field.value }
    }

    /// Answers the preflight request that browsers send for pages of other hosts, before a request with an
    /// `Authorization` header. Every page may ask; the request itself is refused to those that may not connect, with a
    /// reason that they can read.
    @Sendable
    private func preflight(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        CrossOrigin.preflight(request, methods: "GET", headers: ["Authorization", "Last-Event-ID"])
    }

    private func refuse(_ refusal: Refusal, _ context: ServiceRequestContext) -> Response {
        var metadata: Logger.Metadata = [
            "status": "\(refusal.status.code)", "reason": "\(refusal.reason)", "transport": "poll",
            "address": "\(context.remoteAddress?.text ?? "-")",
        ]
        if let detail = refusal.detail { metadata["detail"] = "\(detail)" }
        context.logger.info("refused an event stream", metadata: metadata)
        var response = Response.text(refusal.reason, status: refusal.status)
        response.headers.append(contentsOf: refusal.fields)
        // Over HTTP/2 nobody sees it, and the connection stays for its other streams.
        if !refusal.mayStay { response.headers[.connection] = "close" }
        return response
    }
}
