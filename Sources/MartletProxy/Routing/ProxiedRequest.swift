import MartletWebSocket
import NIOHTTP1

/// A request that has been checked and routed. It makes the head for the upstream, and the headers of the answer for
/// the client.
struct ProxiedRequest: Sendable {
    let head: HTTPRequestHead
    let target: RequestTarget
    /// The host as the client named it, in the Host header or the absolute target.
    let host: String
    let route: Route
    let identity: ClientIdentity
    let isHTTP2: Bool
    /// The request's identifier: a trusted proxy's, or one of our own of 16 hexadecimal digits.
    let id: String

    /// - Parameter id: the identifier, if the request has one already.
    init(
        head: HTTPRequestHead, checked: RequestCheck.Checked, route: Route, identity: ClientIdentity, isHTTP2: Bool,
        id: String? = nil
    ) {
        self.head = head
        self.target = checked.target
        self.host = checked.host
        self.route = route
        self.identity = identity
        self.isHTTP2 = isHTTP2
        self.id = id ?? Self.makeID(head, identity)
    }

    private static func makeID(_ head: HTTPRequestHead, _ identity: ClientIdentity) -> String {
        identity.isPeerTrusted ? RequestID.given(head.headers["x-request-id"]) : RequestID.next()
    }

    /// The value that consistent hashing chooses the upstream server by; `nil` without one.
    var hashKey: String? {
        guard case .consistentHash(let key) = self.route.group.configuration.balance else { return nil }
        switch key {
        case .header(let name): return self.head.headers.first(name: name)
        case .cookie(let name): return RequestValues.cookie(name, in: self.head.headers)
        case .query(let name): return RequestValues.query(name, in: self.target.query)
        case .clientAddress: return self.identity.address
        }
    }

    /// Returns the head for the upstream: without the client's connection headers, with the forwarding headers, and
    /// changed by the route's rules.
    ///
    /// - Parameter authority: the upstream server's host and port, for a route that puts them into Host.
    func upstreamHead(authority: String?) -> HTTPRequestHead {
        let configuration = self.route.configuration
        var headers = HopByHopHeaders.removed(from: self.head.headers, more: 10)
        switch configuration.host {
        case .keep: if self.target.authority != nil { headers.replaceOrAdd(name: "Host", value: self.host) }
        case .upstream: headers.replaceOrAdd(name: "Host", value: authority ?? self.host)
        case .fixed(let host): headers.replaceOrAdd(name: "Host", value: host)
        }
        if !headers.contains(name: "Host") {
            headers.add(name: "Host", value: authority ?? "localhost")
        }
        // Only a checked token names the user.
        if let name = configuration.webSocket.authenticate?.userHeader { headers.remove(name: name) }
        if self.isHTTP2 {
            // RFC 9113, section 8.2.3: HTTP/1 has one Cookie field.
            let cookies = headers["cookie"]
            if cookies.count > 1 { headers.replaceOrAdd(name: "Cookie", value: cookies.joined(separator: "; ")) }
        }
        ForwardedHeaders.set(on: &headers, for: self.identity, host: self.host)
        headers.add(name: "Via", value: "\(self.isHTTP2 ? "2" : "1.\(self.head.version.minor)") martlet")
        headers.replaceOrAdd(name: "X-Request-Id", value: self.id)
        configuration.requestHeaders.apply(to: &headers)
        var uri = String(self.target.path + self.target.query)
        if case .replacePrefix(let replacement) = configuration.rewrite {
            uri = self.target.replacing(prefix: configuration.path, with: replacement)
        }
        return HTTPRequestHead(version: .http1_1, method: self.head.method, uri: uri, headers: headers)
    }

    func clientHeaders(_ head: HTTPResponseHead) -> HTTPHeaders {
        var headers = HopByHopHeaders.removed(from: head.headers, more: 3)
        self.route.configuration.responseHeaders.apply(to: &headers)
        return headers
    }
}
