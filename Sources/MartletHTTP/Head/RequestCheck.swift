package import HTTPTypes
import MartletProtocol
package import NIOHTTP1

/// Checks a request before it is acted on, whichever codec it comes from: method, target, host, names and values of
/// headers, framing (RFC 9110, RFC 9112, RFC 9113). The decoders refuse much of it already; this makes sure of all of
/// it.
package enum RequestCheck {
    /// A request that an intermediary may pass on.
    package struct Checked: Sendable {
        package let target: RequestTarget
        /// The host that the request is routed by, and that is passed to the upstream.
        package let host: String
        /// Whether the request asks for a WebSocket, correctly or not.
        package let isUpgrade: Bool
    }

    // MARK: What every server refuses

    /// Returns the first rule that a request of HTTP/1.1 breaks; `nil` if it breaks none. After a wrong host the
    /// connection may stay open, since the end of the request is certain.
    package static func fault(of head: HTTPRequestHead) -> Refusal? {
        if var refusal = Self.fault(method: head.method.rawValue, target: head.uri) {
            refusal.mayStay = false
            return refusal
        }
        do throws(Refusal) { _ = try BodyFraming.of(head) } catch {
            var refusal = error
            refusal.mayStay = false
            return refusal
        }
        return Self.fault(hosts: head.headers["host"], mayLack: head.isHTTP10)
    }

    /// Returns the first rule that a request of HTTP/2 breaks; `nil` if it breaks none (RFC 9113, sections 8.1.1, 8.2
    /// and 8.3.1).
    package static func fault(of request: HTTPRequest) -> Refusal? {
        if let refusal = Self.fault(method: request.method.rawValue, target: request.path ?? "") { return refusal }
        guard let path = request.path, path.hasPrefix("/") || path == "*" && request.method == .options else {
            return Refusal(.badRequest, "the path must begin with a slash")
        }
        for field in request.headerFields where Self.isOfConnection(field) {
            return Refusal(.badRequest, "HTTP/2 does not allow the header \(field.name)")
        }
        let lengths = request.headerFields[values: .contentLength]
        guard lengths.count <= 1, lengths.allSatisfy({ BodyFraming.length($0) != nil }) else {
            return Refusal(.badRequest, "Content-Length must be one number")
        }
        // If both are there, they must name the same host (RFC 9113, section 8.3.1).
        let named = request.headerFields[values: .hostField]
        guard let authority = request.authority else { return Self.fault(hosts: named, mayLack: false) }
        guard named.allSatisfy({ $0.lowercased() == authority.lowercased() }) else {
            return Refusal(.badRequest, "Host and :authority name different hosts")
        }
        return Self.fault(hosts: [authority], mayLack: false)
    }

    private static func fault(method: String, target: String) -> Refusal? {
        guard HTTPSyntax.isToken(method) else { return Refusal(.badRequest, "the method is not a token") }
        guard !target.isEmpty, target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return Refusal(.badRequest, "the request's target is empty, or has blanks or control characters in it")
        }
        return nil
    }

    private static func fault(hosts: [String], mayLack: Bool) -> Refusal? {
        guard hosts.count == 1 || hosts.isEmpty && mayLack else {
            return Refusal(.badRequest, "the header Host must be there once")
        }
        guard hosts.allSatisfy({ HostAndPort.isAuthority($0) }) else {
            return Refusal(.badRequest, "the header Host is malformed")
        }
        return nil
    }

    /// Whether a header describes an HTTP/1.1 connection, which is not allowed in HTTP/2 (RFC 9113, section 8.2.2).
    private static func isOfConnection(_ field: HTTPField) -> Bool {
        switch field.name {
        case .connection, .upgrade, .transferEncoding, .keepAlive, .proxyConnection: true
        case .te: field.value != "trailers"
        default: false
        }
    }

    // MARK: What an intermediary refuses as well

    /// The methods in `Allow` (RFC 9110, section 15.5.6): the common ones among those that are passed on.
    private static let passedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

    /// Checks a request that is to be passed on, and refuses whatever two servers might read differently before any
    /// upstream sees it.
    package static func check(_ head: HTTPRequestHead, isHTTP2: Bool) -> Result<Checked, Refusal> {
        guard head.method != .CONNECT else {
            return .failure(
                Refusal(.methodNotAllowed, "this is no forward proxy: CONNECT is refused", [.allow: Self.passedMethods])
            )
        }
        guard head.method != .TRACE else {
            return .failure(
                Refusal(.methodNotAllowed, "TRACE would show the proxy's own headers", [.allow: Self.passedMethods]))
        }
        guard head.method == .GET || HTTPSyntax.isToken(head.method.rawValue) else {
            return .failure(Refusal(.badRequest, "the method is not a token"))
        }
        // Over HTTP/2 the body has frames of its own; NIO's codec writes `chunked` for one whose length is not known.
        do throws(Refusal) { _ = try BodyFraming.of(head) } catch { return .failure(error) }
        guard !head.headers["connection"].contains(where: { $0.utf8.contains(0x09) }) else {
            // The decoder accepts spaces here but no tabs: this check and the decoder would see different requests.
            return .failure(Refusal(.badRequest, "the header Connection has a tab in it"))
        }
        guard let target = RequestTarget(head.uri, isOptions: head.method == .OPTIONS) else {
            return .failure(
                Refusal(
                    .badRequest, "the request's target is malformed, or means different things to different servers"))
        }
        let hosts = head.headers["host"]
        if let refusal = Self.fault(hosts: hosts, mayLack: head.isHTTP10 || isHTTP2) { return .failure(refusal) }
        let host = hosts.first ?? ""
        guard target.authority.map({ HostAndPort.isAuthority($0) && $0.utf8.first != UInt8(ascii: ":") }) ?? true else {
            return .failure(Refusal(.badRequest, "the header Host is malformed"))
        }
        let isUpgrade =
            !isHTTP2 && head.headers["upgrade"].contains(where: ServerHandshake.namesWebSocket)
            && head.headers.lists("upgrade", in: "connection")
        return .success(
            Checked(target: target, host: target.authority.map(String.init) ?? host, isUpgrade: isUpgrade))
    }

    // MARK: For the log

    /// Returns a target without the values of its query's tokens, which are secrets. Names are compared decoded, as
    /// their users do.
    package static func withoutToken(_ uri: String) -> String {
        guard let mark = uri.utf8.firstIndex(of: UInt8(ascii: "?")) else { return uri }
        let query = uri[mark...]
        guard query.utf8.contains(UInt8(ascii: "%")) || query.lowercased().contains("token") else { return uri }
        let pairs = query.utf8.dropFirst().split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let hidden = pairs.map { pair -> Substring in
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return Substring(pair) }
            let name = Substring(pair[..<equals])
            let decoded = (PercentEncoding.decodeForm(name) ?? String(name)).lowercased()
            return decoded.hasSuffix("token") ? name + "=…" : Substring(pair)
        }
        return String(uri[...mark]) + hidden.joined(separator: "&")
    }
}

extension HTTPField.Name {
    fileprivate static let keepAlive = Self("Keep-Alive")!
    /// `Host`, which HTTPTypes keeps for itself.
    fileprivate static let hostField = Self("Host")!
    fileprivate static let proxyConnection = Self("Proxy-Connection")!
}
