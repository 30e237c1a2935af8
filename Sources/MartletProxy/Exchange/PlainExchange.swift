import NIOCore
import NIOHTTP1

/// A request that is passed on and whose answer is passed back, both as they come: neither is kept whole anywhere.
final class PlainExchange: Exchange, UpstreamConnection.User {
    private var upstream: UpstreamConnection?
    /// Parts that came before there was a connection: at most what one read brings.
    private var waiting: [HTTPServerRequestPart] = []
    private var requestComplete = false
    /// Whether the head waits for the next part, which decides whether the request has a body; there is a connection.
    private var isHeadHeld = false
    private var hasBody = false
    private var answerHead: HTTPResponseHead?
    /// Whether the body and the trailers go to the client; `false` for HEAD, 204 and 304.
    private var passesBody = true
    private var upstreamKeepsAlive = false
    private var clientKeepsAlive = false
    private var needsFlush = false
    private var timer: ActivityTimer?

    override var isRequestComplete: Bool { self.requestComplete }
    override var hasBegunAnswer: Bool { self.answerHead != nil }

    // MARK: From the client

    override func start() {
        if let limit = self.route.configuration.maximumBodySize,
            let length = self.head.headers.first(name: "content-length").flatMap(BodyFraming.length), length > limit
        {
            self.fail(.payloadTooLarge, "the body is longer than \(limit) bytes", keepAlive: false)
            return
        }
        self.connect()
    }

    override func received(_ part: HTTPServerRequestPart) {
        guard !self.isOver else { return }
        switch part {
        case .head: break
        case .body(let bytes):
            self.entry.bytesReceived += bytes.readableBytes
            if let limit = self.route.configuration.maximumBodySize, self.entry.bytesReceived > limit {
                self.upstream?.close()
                self.upstream = nil
                if self.answerHead == nil {
                    self.fail(.payloadTooLarge, "the body is longer than \(limit) bytes", keepAlive: false)
                } else {
                    self.breakOff("the body is longer than \(limit) bytes")
                }
                return
            }
        case .end:
            self.requestComplete = true
        }
        if self.isHeadHeld, let upstream = self.upstream {
            self.isHeadHeld = false
            self.waiting = [part]
            self.begin(on: upstream)
        } else if let upstream = self.upstream {
            self.pass(part, to: upstream)
        } else {
            self.waiting.append(part)
        }
        self.timer?.touch()
    }

    private func pass(_ part: HTTPServerRequestPart, to upstream: UpstreamConnection) {
        switch part {
        case .head: return
        case .body(let bytes):
            guard self.hasBody else {
                // Without a frame around it, the upstream would take it for the next request.
                self.upstream?.close()
                self.upstream = nil
                self.fail(.badRequest, "the request has a body that its headers do not announce", keepAlive: false)
                return
            }
            upstream.write(.body(.byteBuffer(bytes)))
        case .end(let trailers):
            upstream.write(.end(self.hasBody ? trailers.map { HopByHopHeaders.removed(from: $0, more: 0) } : nil))
            self.sentAt = .now()
            if self.answerHead == nil { self.startTimer(self.route.configuration.responseTimeout) }
        }
        self.needsFlush = true
    }

    override func clientReadComplete() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        self.upstream?.flush()
    }

    override var mayReadClient: Bool {
        guard !self.requestComplete, let upstream = self.upstream else { return false }
        return upstream.isWritable
    }

    override func clientWritabilityChanged() {
        self.timer?.touch()
        self.upstream?.readIfHeldBack()
    }

    override func clientGone() {
        self.entry.status = self.answerHead == nil ? 499 : self.entry.status
        self.entry.reason = "the client left"
        self.end()
        self.upstream?.close()
        self.settle()
    }

    // MARK: To the upstream

    override func connected(_ connection: UpstreamConnection) {
        self.upstream = connection
        connection.user = self
        if self.client.peer.isHTTP2, !self.requestComplete, self.waiting.isEmpty, !self.head.namesBody {
            // The connection came from the pool, and the part after the head has not come yet.
            self.isHeadHeld = true
            if self.timer == nil { self.startTimer(self.client.limits.bodyTimeout) }
            self.client.readIfHeldBack()
            return
        }
        self.begin(on: connection)
    }

    private func begin(on connection: UpstreamConnection) {
        var head = self.request.upstreamHead(authority: self.endpoint?.url.authority)
        head.headers.remove(name: "content-length")
        if let length = self.head.headers.first(name: "content-length") {
            head.headers.add(name: "Content-Length", value: length)
            self.hasBody = true
        } else if self.head.headers.contains(name: "transfer-encoding")
            || self.client.peer.isHTTP2 && !self.requestComplete
        {
            // Over HTTP/2 any request may have a body, and its length need not be known. Here a part of it has come.
            head.headers.add(name: "Transfer-Encoding", value: "chunked")
            self.hasBody = true
        }
        connection.write(.head(head))
        self.sentAt = .now()
        let waiting = self.waiting
        self.waiting = []
        for part in waiting where !self.isOver { self.pass(part, to: connection) }
        if self.isOver { return }
        self.needsFlush = false
        connection.flush()
        if !self.requestComplete {
            self.startTimer(self.client.limits.bodyTimeout)
            self.client.readIfHeldBack()
        }
    }

    private func startTimer(_ limit: TimeAmount) {
        self.timer?.stop()
        self.timer = ActivityTimer(limit, on: self.loop.eventLoop) { [weak self] in self?.timedOut() }
    }

    private func timedOut() {
        guard !self.isOver else { return }
        let isClientLate =
            !self.requestComplete && self.answerHead == nil && self.upstream?.isWritable ?? true
        self.upstream?.close()
        self.upstream = nil
        if isClientLate {
            self.fail(.requestTimeout, "the body of the request did not come in time", keepAlive: false)
        } else if self.answerHead == nil {
            self.endpointFailed("response timeout")
            self.fail(.gatewayTimeout, "the upstream \(self.route.group.name) did not answer in time")
        } else {
            self.breakOff("the answer stalled")
        }
    }

    // MARK: From the upstream

    var mayReadUpstream: Bool { self.client.isWritable }

    func upstreamWritabilityChanged() {
        self.timer?.touch()
        self.client.readIfHeldBack()
    }

    func upstreamReceived(_ part: HTTPClientResponsePart) {
        guard !self.isOver else { return }
        self.timer?.touch()
        switch part {
        case .head(let head) where head.status.code < 200:
            self.passInterim(head)
        case .head(let head):
            self.passHead(head)
        case .body(let bytes):
            guard self.passesBody else { return }
            self.entry.bytesSent += bytes.readableBytes
            self.client.write(.body(.byteBuffer(bytes)))
        case .end(let trailers):
            self.answered(trailers)
        }
    }

    func upstreamReadComplete() {
        if !self.isOver { self.client.flush() }
    }

    private func passInterim(_ head: HTTPResponseHead) {
        guard head.status != .switchingProtocols else {
            self.upstream?.close()
            self.upstream = nil
            self.endpointFailed("unasked upgrade")
            self.fail(.badGateway, "the upstream switched protocols without being asked to", keepAlive: false)
            return
        }
        // RFC 9110, section 15.2: a client of HTTP/1.0 does not know interim answers.
        guard !self.head.isHTTP10, !self.client.peer.isHTTP2 else { return }
        self.client.write(
            .head(
                .init(
                    version: .http1_1, status: head.status,
                    headers: HopByHopHeaders.removed(from: head.headers, more: 0))))
        self.client.flush()
    }

    private func passHead(_ head: HTTPResponseHead) {
        self.answerHead = head
        self.endpoint?.succeeded()
        if let sentAt = self.sentAt { self.entry.upstreamDuration = (NIODeadline.now() - sentAt).nanoseconds }
        self.entry.status = Int(head.status.code)
        self.upstreamKeepsAlive = head.isKeepAlive
        var headers = self.request.clientHeaders(head)
        let mayHaveBody = self.head.method != .HEAD && head.status.code != 204 && head.status.code != 304
        self.passesBody = mayHaveBody
        self.clientKeepsAlive =
            self.head.keepsConnection && self.requestComplete && !self.loop.core.isDraining
            && !self.client.closesAfterAnswer
        if head.status.code == 204 { headers.remove(name: "content-length") }
        if !self.client.peer.isHTTP2 {
            if mayHaveBody, !headers.contains(name: "content-length") {
                if !self.head.isHTTP10 {
                    headers.add(name: "Transfer-Encoding", value: "chunked")
                } else {
                    self.clientKeepsAlive = false  // the end of the connection is the end of the body
                }
            }
            self.client.addConnectionHeader(&headers, keepAlive: self.clientKeepsAlive)
        }
        self.client.write(.head(.init(version: .http1_1, status: head.status, headers: headers)))
        self.startTimer(self.route.configuration.idleTimeout)
    }

    private func answered(_ trailers: HTTPHeaders?) {
        guard let upstream = self.upstream else { return }
        self.upstream = nil
        self.client.write(
            .end(self.passesBody ? trailers.map { HopByHopHeaders.removed(from: $0, more: 0) } : nil))
        self.end()
        if self.upstreamKeepsAlive, self.requestComplete, self.route.group.configuration.proxyProtocol == nil {
            self.loop.pool.put(upstream, self.route.group.configuration)
        } else {
            upstream.close()
        }
        let client = self.client
        self.settle()
        client.flush()  // a stream of HTTP/2 may end with it
        client.finished(self, keepAlive: self.clientKeepsAlive)
    }

    func upstreamEnded(_ error: (any Error)?) {
        guard !self.isOver else { return }
        let wasReused = self.upstream?.isReused ?? false
        self.upstream = nil
        if self.isHeadHeld {
            // Nothing was sent on it.
            self.isHeadHeld = false
            if wasReused {
                self.release()
                return self.connect()
            }
            self.endpointFailed("connection closed", error)
            return self.connectToNext(lastError: "no connection")
        }
        guard self.answerHead == nil else {
            self.breakOff("the upstream broke off its answer")
            return
        }
        let isMalformed = error is HTTPParserError
        // An idle connection that ends at the moment of its next use says nothing about the upstream server's health.
        if isMalformed || !wasReused {
            self.endpointFailed(isMalformed ? "malformed answer" : "connection closed", error)
        }
        self.fail(
            .badGateway,
            isMalformed
                ? "the answer of the upstream \(self.route.group.name) is not valid HTTP"
                : "the upstream \(self.route.group.name) ended the connection without an answer")
    }

    /// Ends the client's connection in the middle of the answer: nothing else shows that it is incomplete.
    private func breakOff(_ reason: String) {
        self.entry.reason = reason
        self.upstream?.close()
        self.upstream = nil
        self.end()
        let client = self.client
        self.settle()
        client.abort()
    }

    override func fail(
        _ status: HTTPResponseStatus, _ reason: String, headers: HTTPHeaders = [:], keepAlive: Bool = true
    ) {
        self.end()
        super.fail(status, reason, headers: headers, keepAlive: keepAlive)
    }

    private func end() {
        self.timer?.stop()
        self.timer = nil
        self.waiting = []
    }
}

extension HTTPRequestHead {
    /// Whether a header says that a body follows.
    fileprivate var namesBody: Bool {
        self.headers.contains(name: "content-length") || self.headers.contains(name: "transfer-encoding")
    }
}
