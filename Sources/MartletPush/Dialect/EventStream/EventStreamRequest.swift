package import HTTPTypes
import MartletHTTP
import MartletWebSocket

/// The request of a client of the event-stream dialect, read from query and headers.
package struct EventStreamRequest: Sendable, Hashable {
    /// The subprotocol of a WebSocket that speaks the dialect.
    package static let subprotocol = "martlet"
    /// The beginning of the subprotocol that carries a token.
    package static let bearerSubprotocol = "martlet.bearer."
    /// The longest id that a client may be given, so that it fits into the next request. Bytes.
    static let idLengthLimit = 7 * 1024
    /// The longest time that a poll may wait. Seconds.
    package static let waitLimit = 60
    static let defaultWait = 25

    package struct Malformed: Error { package let reason: String }

    /// The token of `Authorization: Bearer`, else of a subprotocol, else of the query, else of the cookie `martlet_token`; `nil` when there is
    /// none.
    package let token: String?
    /// The events, each once, in the order in which they came.
    package let events: [String]
    /// The id with which the client resumes; `nil` for one that begins.
    package let after: String?
    /// The time that a poll waits. Seconds.
    package let wait: Int
    /// Whether messages are sent as JSON strings.
    package let isJSON: Bool

    /// - Parameter maximumEvents: how many events it may name.
    package init(_ head: HTTPRequest, maximumEvents: Int) throws(Malformed) {
        var token: String?
        var events: [String] = []
        var after: String?
        var lastEventID: String?
        var wait = Self.defaultWait
        var isJSON = false
        for (name, value) in try Self.query(of: head) {
            switch name {
            case "token": token = value.isEmpty ? nil : value
            case "event":
                guard !value.isEmpty, value.utf8.count <= PushLimits.eventLength,
                    value.utf8.allSatisfy({ $0 != 0x0A && $0 != 0x0D })
                else {
                    throw Malformed(reason: "an event's name has 1 to \(PushLimits.eventLength) bytes and no line end")
                }
                if !events.contains(where: { $0.hasSameBytes(as: value) }) { events.append(value) }
            case "after": after = value.isEmpty ? nil : value
            // The name of polyfills of EventSource, which cannot set the header.
            case "lastEventId": lastEventID = value.isEmpty ? nil : value
            case "wait":
                guard let seconds = Int(value), (0...Self.waitLimit).contains(seconds) else {
                    throw Malformed(reason: "wait is a number of seconds from 0 to \(Self.waitLimit)")
                }
                wait = seconds
            case "encoding":
                guard value == "json" || value == "text" else { throw Malformed(reason: "encoding is text or json") }
                isJSON = value == "json"
            default: break
            }
        }
        guard !events.isEmpty else { throw Malformed(reason: "name at least one event: ?event=alerts") }
        guard events.count <= maximumEvents else {
            throw Malformed(reason: "one client subscribes to at most \(maximumEvents) events")
        }
        // The id that it resumes with must fit into a request.
        guard events.reduce(0, { $0 + EventNameCoding.encode($1).utf8.count + 40 }) <= Self.idLengthLimit else {
            throw Malformed(reason: "the names of the events are too long together")
        }
        var shown = try Self.bearer(of: head)
        if shown == nil { shown = try Self.subprotocolToken(of: head) }
        self.token = shown ?? token ?? (Self.isSameHost(head) ? Self.cookie("martlet_token", of: head) : nil)
        if let token = self.token, token.utf8.count > PushLimits.tokenLength {
            throw Malformed(reason: "a token has at most \(PushLimits.tokenLength) bytes")
        }
        // A browser that reconnects by itself names the last id in a header, and the old one in the query.
        self.after = head.headerFields[.lastEventID].flatMap { $0.isEmpty ? nil : $0 } ?? lastEventID ?? after
        guard (self.after?.utf8.count ?? 0) <= ResumeID.maximumLength else {
            throw Malformed(reason: "the id is too long")
        }
        self.events = events
        self.wait = wait
        self.isJSON = isJSON
    }

    /// The token of `Authorization: Bearer`. Other schemes are the business of others: a browser shows the password of a
    /// site with every request.
    private static func bearer(of head: HTTPRequest) throws(Malformed) -> String? {
        let fields = head.headerFields[values: .authorization].filter(Self.isBearer)
        guard !fields.isEmpty else { return nil }
        guard fields.count == 1, let token = RequestValues.bearerToken(in: fields[0]) else {
            throw Malformed(reason: "Authorization must have one Bearer token")
        }
        return token
    }

    private static func isBearer(_ field: String) -> Bool {
        let scheme = HeaderList.trimmed(field[...]).utf8.prefix { $0 != 0x20 && $0 != 0x09 }
        return String(Substring(scheme)).lowercased() == "bearer"
    }

    /// The token of a subprotocol, `martlet.bearer.` and the token in base64url: a browser can set no other header of a
    /// WebSocket, and what stands in a URL stands in logs.
    private static func subprotocolToken(of head: HTTPRequest) throws(Malformed) -> String? {
        let shown = HeaderList.elements(head.headerFields[values: .secWebSocketProtocol])
            .filter { $0.hasPrefix(Self.bearerSubprotocol) }
        guard let first = shown.first else { return nil }
        guard shown.count == 1, let bytes = Base64URL.decode(first.dropFirst(Self.bearerSubprotocol.count)),
            let token = String(validating: bytes, as: UTF8.self), !token.isEmpty
        else { throw Malformed(reason: "\(Self.bearerSubprotocol) must be followed by one token in base64url") }
        return token
    }

    /// Whether the request comes from a page of the same host: only then is the cookie used. A browser sends cookies
    /// for pages of other sites too, with a WebSocket's opening handshake even unasked.
    private static func isSameHost(_ head: HTTPRequest) -> Bool { OriginPolicy.sameHost.allows(head, isSecure: false) }

    private static func cookie(_ name: String, of head: HTTPRequest) -> String? {
        RequestValues.cookie(name, in: head.headerFields[values: .cookie]).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func query(of head: HTTPRequest) throws(Malformed) -> [(name: String, value: String)] {
        guard let path = head.path, let mark = path.utf8.firstIndex(of: UInt8(ascii: "?")) else { return [] }
        guard let pairs = RequestValues.decodedQuery(path[mark...]) else {
            throw Malformed(reason: "the query is not percent-encoded UTF-8")
        }
        return pairs
    }
}

extension HTTPField.Name {
    fileprivate static let lastEventID = Self("Last-Event-ID")!
    fileprivate static let secWebSocketProtocol = Self("Sec-WebSocket-Protocol")!
}
