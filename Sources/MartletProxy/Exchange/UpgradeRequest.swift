import HTTPTypes
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// A request for a WebSocket that is a correct one (RFC 6455, section 4.2.1).
struct UpgradeRequest: Sendable {
    let request: ProxiedRequest
    let handshake: ServerHandshake
    /// Those of the client's that the upstream is offered.
    var subprotocols: [String]
    /// What the query becomes when a token is taken out of it.
    var query: String?
    /// Of the checked token.
    var user: String?

    /// What the route's policy and RFC 6455 say of it; a token is not looked at.
    static func check(_ request: ProxiedRequest) -> Result<UpgradeRequest, RequestCheck.Refusal> {
        let policy = request.route.configuration.webSocket
        let headers = request.head.headers
        let handshake: ServerHandshake
        do {
            handshake = try ServerHandshake(isGet: request.head.method == .GET, authority: request.host) {
                headers[$0.canonicalName]
            }
        } catch {
            let answer = ServerHandshake.refusal(of: error)
            return .failure(
                .init(
                    .init(statusCode: answer.status.code), error.reason, headers: HTTPHeaders(answer.headerFields)))
        }
        guard policy.isAllowed else { return .failure(.init(.forbidden, "WebSockets are not allowed here")) }
        if let origin = policy.origin {
            let isSecure = request.identity.isSecure
            guard let typed = try? HTTPRequest(request.head, secure: isSecure, splitCookie: false) else {
                return .failure(.init(.badRequest, "the request is malformed"))
            }
            guard origin.allows(typed, isSecure: isSecure) else {
                return .failure(.init(.forbidden, "pages of this origin may not connect"))
            }
        }
        return .success(
            UpgradeRequest(request: request, handshake: handshake, subprotocols: handshake.offeredSubprotocols))
    }

    /// Of `Authorization: Bearer`, the subprotocol `bearer.TOKEN` or the query's `token`; the last two are taken out.
    mutating func takeToken() -> String? {
        if let field = self.request.head.headers.first(name: "authorization") {
            let parts = field.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" { return String(parts[1]) }
        }
        if let index = self.subprotocols.firstIndex(where: { $0.hasPrefix("bearer.") }) {
            return String(self.subprotocols.remove(at: index).dropFirst("bearer.".count))
        }
        guard let token = RequestValues.query("token", in: self.request.target.query) else { return nil }
        self.query = RequestValues.removing("token", from: self.request.target.query)
        return token
    }

    /// Takes out subprotocols that the route does not allow.
    ///
    /// - Returns: `false` when none is left of those that were offered.
    mutating func filterSubprotocols() -> Bool {
        guard let allowed = self.request.route.configuration.webSocket.subprotocols else { return true }
        let offered = self.subprotocols
        self.subprotocols = offered.filter(allowed.contains)
        return !self.subprotocols.isEmpty || offered.isEmpty
    }

    func upstreamHead(for endpoint: Endpoint?) -> HTTPRequestHead {
        let policy = self.request.route.configuration.webSocket
        var head = self.request.upstreamHead(for: endpoint)
        head.headers.remove(name: "content-length")
        head.headers.add(name: "Connection", value: "Upgrade")
        head.headers.add(name: "Upgrade", value: "websocket")
        head.headers.remove(name: "sec-websocket-protocol")
        if !self.subprotocols.isEmpty {
            head.headers.add(name: "Sec-WebSocket-Protocol", value: self.subprotocols.joined(separator: ", "))
        }
        if policy.isCompressed { head.headers.remove(name: "sec-websocket-extensions") }
        if let query = self.query {
            head.uri = String(head.uri.prefix { $0 != "?" }) + query
            if head.headers.first(name: "authorization") == nil { head.headers.remove(name: "referer") }
        }
        if let name = policy.authenticate?.userHeader, let user = self.user {
            head.headers.add(name: name, value: user)
        }
        return head
    }

    /// What is wrong with a 101 (RFC 6455, section 4.1), for people.
    func fault(of head: HTTPResponseHead) -> String? {
        let headers = head.headers
        let upgrade = headers["upgrade"]
        guard upgrade == ["websocket"] || upgrade.count == 1 && upgrade[0].lowercased() == "websocket" else {
            return "the header Upgrade is not websocket"
        }
        guard headers.lists("upgrade", in: "connection") else {
            return "the header Connection lacks Upgrade"
        }
        guard headers["sec-websocket-accept"] == [self.handshake.key?.accept ?? ""] else {
            return "Sec-WebSocket-Accept does not answer the key"
        }
        guard !headers.contains(name: "transfer-encoding"),
            headers.first(name: "content-length").map({ $0 == "0" }) ?? true
        else { return "a 101 has no body" }
        if headers.contains(name: "sec-websocket-protocol") {
            let chosen = headers[canonicalForm: "sec-websocket-protocol"]
            guard chosen.count <= 1, chosen.allSatisfy({ self.subprotocols.contains(String($0)) }) else {
                return "a subprotocol was chosen that was not offered"
            }
        }
        let offersExtensions =
            self.request.head.headers.contains(name: "sec-websocket-extensions")
            && !self.request.route.configuration.webSocket.isCompressed
        guard offersExtensions || !headers.contains(name: "sec-websocket-extensions") else {
            return "an extension was chosen that was not offered"
        }
        return nil
    }

    /// The headers of the 101 for the client.
    func clientHeaders(_ head: HTTPResponseHead) -> HTTPHeaders {
        var headers = self.request.clientHeaders(head)
        headers.remove(name: "content-length")
        headers.add(name: "Connection", value: "Upgrade")
        headers.add(name: "Upgrade", value: "websocket")
        return headers
    }
}
