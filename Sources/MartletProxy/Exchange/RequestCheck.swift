import NIOHTTP1

/// What a request must be before any upstream sees it: whatever two servers might read differently is refused here.
enum RequestCheck {
    struct Checked {
        let target: RequestTarget
        /// As it is to be routed by, and shown to the upstream.
        let host: String
        /// Whether it asks for a WebSocket, well or badly.
        let isUpgrade: Bool
    }

    struct Refusal: Error {
        let status: HTTPResponseStatus
        let reason: String
        var headers: HTTPHeaders

        init(_ status: HTTPResponseStatus, _ reason: String, headers: HTTPHeaders = [:]) {
            self.status = status
            self.reason = reason
            self.headers = headers
        }
    }

    static func check(_ head: HTTPRequestHead, isHTTP2: Bool) -> Result<Checked, Refusal> {
        guard head.method != .CONNECT else {
            return .failure(.init(.methodNotAllowed, "this is no forward proxy: CONNECT is refused"))
        }
        guard head.method != .TRACE else {
            return .failure(.init(.methodNotAllowed, "TRACE would show the proxy's own headers"))
        }
        // Over HTTP/2 the body has frames of its own; NIO's codec writes `chunked` for one whose length is not known.
        if let refusal = Self.checkFraming(head) { return .failure(refusal) }
        guard !head.headers["connection"].contains(where: { $0.utf8.contains(0x09) }) else {
            // The decoder reads blanks here and no tabs: the two of us would see different requests.
            return .failure(.init(.badRequest, "the header Connection has a tab in it"))
        }
        guard let target = RequestTarget(head.uri, isOptions: head.method == .OPTIONS) else {
            return .failure(
                .init(.badRequest, "the request's target is malformed, or means different things to different servers"))
        }
        let hosts = head.headers["host"]
        guard hosts.count <= 1, hosts.count == 1 || head.isHTTP10 || isHTTP2 else {
            return .failure(.init(.badRequest, "the header Host must be there once"))
        }
        let host = hosts.first ?? ""
        guard Self.isHost(host), target.authority.map({ Self.isHost($0) }) ?? true else {
            return .failure(.init(.badRequest, "the header Host is malformed"))
        }
        let isUpgrade =
            !isHTTP2 && head.headers["upgrade"].contains(where: Self.namesWebSocket)
            && head.headers.lists("upgrade", in: "connection")
        return .success(
            Checked(target: target, host: target.authority.map(String.init) ?? host, isUpgrade: isUpgrade))
    }

    /// Whether `websocket` stands anywhere in a value, in any case.
    private static func namesWebSocket(_ value: String) -> Bool {
        if value == "websocket" { return true }
        return value.utf8.count < 64 && value.lowercased().contains("websocket")
    }

    /// RFC 9112, section 6. The decoder refuses most of this already; that nothing of it comes through is ours to see to.
    private static func checkFraming(_ head: HTTPRequestHead) -> Refusal? {
        let lengths = head.headers["content-length"]
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                return .init(.badRequest, "Transfer-Encoding and Content-Length contradict each other")
            }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                return .init(.notImplemented, "the only Transfer-Encoding that is understood is chunked")
            }
            guard !head.isHTTP10 else {
                return .init(.badRequest, "Transfer-Encoding does not exist before HTTP/1.1")
            }
        }
        guard lengths.count <= 1, lengths.allSatisfy({ Self.isLength($0) }) else {
            return .init(.badRequest, "Content-Length must be one number")
        }
        return nil
    }

    private static func isLength(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } && Int(text) != nil
    }

    private static func isHost(_ host: some StringProtocol) -> Bool {
        guard host.utf8.allSatisfy(HTTPSyntax.isHostByte) else { return false }
        return HostAndPort.split(host) != nil
    }

    /// For the log: the value of a query's `token` is a secret.
    static func withoutToken(_ uri: String) -> String {
        guard let mark = uri.utf8.firstIndex(of: UInt8(ascii: "?")), uri[mark...].lowercased().contains("token") else {
            return uri
        }
        let pairs = uri[uri.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false).map { pair in
            let name = pair.prefix { $0 != "=" }
            return name.lowercased().hasSuffix("token") && name.count < pair.count ? name + "=…" : pair
        }
        return String(uri[...mark]) + pairs.joined(separator: "&")
    }
}
