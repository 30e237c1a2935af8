import MartletWebSocket
import NIOHTTP1

/// The access log's record of a request that has been answered, or of a WebSocket that has ended.
struct AccessLogEntry: Sendable {
    /// The time at which the request came, in nanoseconds since 1970.
    var time: Int64 = 0
    var address = "-"
    var method = ""
    /// The request target as the client sent it, without the values of tokens.
    var target = ""
    var version = ""
    var host = ""
    var referer: String?
    var userAgent: String?
    /// 499 when the client left before the answer, as nginx writes it.
    var status = 0
    /// The bytes of the request's body, or of the tunnel after the opening handshake.
    var bytesReceived = 0
    var bytesSent = 0
    /// The time from the head of the request to the end, in nanoseconds.
    var duration: Int64 = 0
    var route: String?
    var upstream: String?
    var endpoint: String?
    /// The time from the sending of the request to the head of the upstream's answer, in nanoseconds.
    var upstreamDuration: Int64?
    var user: String?
    /// The reason why the proxy answered in place of the upstream, or why the tunnel ended.
    var reason: String?
    var requestID: String?
    var tunnel: TunnelSummary?

    /// Creates an entry from the head of a request.
    init(_ head: HTTPRequestHead, _ identity: ClientIdentity, isHTTP2: Bool) {
        self.time = UTCTime.now()
        self.address = identity.address ?? "unix"
        self.method = head.method.rawValue
        self.target = RequestCheck.withoutToken(head.uri)
        self.version = isHTTP2 ? "HTTP/2.0" : "HTTP/1.\(head.version.minor)"
        self.host = head.headers.first(name: "host") ?? ""
        self.referer = head.headers.first(name: "referer").map(RequestCheck.withoutToken)
        self.userAgent = head.headers.first(name: "user-agent")
    }

    init() {}

    /// Returns the entry as one line, without the line feed.
    func line(_ format: AccessLogConfiguration.Format) -> [UInt8] {
        var line = LogLine()
        switch format {
        case .combined: self.writeCombined(&line)
        case .json: self.writeJSON(&line)
        }
        return line.bytes
    }

    private func writeCombined(_ line: inout LogLine) {
        line.raw("\(self.address) - ")
        line.escaped(self.user ?? "-")
        line.raw(" [\(UTCTime.common(self.time))] \"")
        line.escaped(self.method)
        line.raw(" ")
        line.escaped(self.target)
        line.raw(" \(self.version)\" \(self.status) \(self.bytesSent) \"")
        line.escaped(self.referer ?? "-")
        line.raw("\" \"")
        line.escaped(self.userAgent ?? "-")
        line.raw("\"")
    }

    private func writeJSON(_ line: inout LogLine) {
        line.raw("{\"time\":\"\(UTCTime.iso8601(self.time))\"")
        line.member("address", self.address)
        line.member("method", self.method)
        line.member("target", self.target)
        line.member("protocol", self.version)
        line.member("host", self.host)
        line.raw(",\"status\":\(self.status),\"bytesReceived\":\(self.bytesReceived),\"bytesSent\":\(self.bytesSent)")
        line.raw(",\"seconds\":\(UTCTime.seconds(self.duration))")
        line.member("route", self.route)
        line.member("upstream", self.upstream)
        line.member("endpoint", self.endpoint)
        if let duration = self.upstreamDuration { line.raw(",\"upstreamSeconds\":\(UTCTime.seconds(duration))") }
        line.member("user", self.user)
        line.member("referer", self.referer)
        line.member("userAgent", self.userAgent)
        line.member("requestId", self.requestID)
        line.member("reason", self.reason)
        if let tunnel = self.tunnel {
            line.raw(
                ",\"messagesReceived\":\(tunnel.messagesFromClient),\"messagesSent\":\(tunnel.messagesFromUpstream)")
            if let code = tunnel.closeCode { line.raw(",\"closeCode\":\(code)") }
        }
        line.raw("}")
    }
}
