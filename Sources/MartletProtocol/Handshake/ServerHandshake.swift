public import HTTPTypes

/// The server's side of the opening handshake (RFC 6455, section 4.2): the checked request, and the response.
public struct ServerHandshake: Sendable, Hashable {
    /// The client's key; `nil` over HTTP/2, which has none.
    public let key: HandshakeKey?
    /// The subprotocols in the client's order of preference, each once.
    public let offeredSubprotocols: [String]
    public let offeredExtensions: [WebSocketExtension]

    /// Checks a request header by header.
    ///
    /// The caller has checked that the HTTP version is 1.1 or later and that the request has no body.
    public init(request: HTTPRequest) throws(HandshakeFailure) {
        try self.init(isGet: request.method == .get, authority: request.authority) {
            request.headerFields[values: $0]
        }
    }

    /// Checks a request that is not an `HTTPRequest` yet.
    ///
    /// - Parameter values: returns the values of a header, in order.
    package init(
        isGet: Bool, authority: String?, values: (HTTPField.Name) -> [String]
    ) throws(HandshakeFailure) {
        guard isGet else {
            throw HandshakeFailure(
                code: .methodNotAllowed, reason: "an opening handshake is a GET request", status: 405)
        }
        let upgrade = values(.upgrade)
        guard
            upgrade == ["websocket"]
                || HeaderListParser.upgradeProtocols(upgrade)?.contains(where: { $0.lowercased() == "websocket" })
                    ?? false
        else {
            throw .badRequest("this is a WebSocket endpoint: the header Upgrade must contain websocket")
        }
        let connection = values(.connection)
        guard
            connection == ["Upgrade"]
                || HeaderListParser.tokens(connection)?.contains(where: { $0.lowercased() == "upgrade" }) ?? false
        else {
            throw .badRequest("the header Connection must contain Upgrade")
        }
        guard let authority, !authority.isEmpty else {
            throw .badRequest("the header Host is missing")
        }
        try Self.checkVersion(values(.secWebSocketVersion))
        let keys = values(.secWebSocketKey)
        guard keys.count == 1, let key = HandshakeKey(keys[0]) else {
            throw .badRequest("Sec-WebSocket-Key must be there once, the base64 form of 16 bytes")
        }
        self.key = key
        (self.offeredSubprotocols, self.offeredExtensions) = try Self.offers(
            subprotocols: values(.secWebSocketProtocol), extensions: values(.secWebSocketExtensions))
    }

    /// Checks a request that comes as an extended CONNECT over HTTP/2 (RFC 8441, section 5).
    public init(extendedConnect request: HTTPRequest) throws(HandshakeFailure) {
        guard Self.isExtendedConnect(request) else {
            throw .badRequest("an opening handshake over HTTP/2 is a CONNECT with :protocol websocket")
        }
        guard let authority = request.authority, !authority.isEmpty, request.scheme != nil, request.path != nil else {
            throw .badRequest("the opening handshake lacks :scheme, :authority or :path")
        }
        try Self.checkVersion(request.headerFields[values: .secWebSocketVersion])
        self.key = nil
        (self.offeredSubprotocols, self.offeredExtensions) = try Self.offers(
            subprotocols: request.headerFields[values: .secWebSocketProtocol],
            extensions: request.headerFields[values: .secWebSocketExtensions])
    }

    /// Whether a request of HTTP/2 asks for a WebSocket.
    public static func isExtendedConnect(_ request: HTTPRequest) -> Bool {
        request.method == .connect && request.extendedConnectProtocol == "websocket"
    }

    private static func checkVersion(_ versions: [String]) throws(HandshakeFailure) {
        guard versions.count == 1, versions[0] == "13" else {
            throw HandshakeFailure(
                code: .unsupportedVersion, reason: "Sec-WebSocket-Version must be 13",
                status: versions.isEmpty ? 400 : 426)
        }
    }

    private static func offers(
        subprotocols: [String], extensions: [String]
    ) throws(HandshakeFailure) -> (subprotocols: [String], extensions: [WebSocketExtension]) {
        if subprotocols.isEmpty, extensions.isEmpty { return ([], []) }
        guard let subprotocols = HeaderListParser.tokens(subprotocols) else {
            throw .badRequest("Sec-WebSocket-Protocol is not a list of tokens")
        }
        guard Set(subprotocols).count == subprotocols.count else {
            throw .badRequest("Sec-WebSocket-Protocol names a subprotocol twice")
        }
        guard let extensions = HeaderListParser.extensions(extensions) else {
            throw .badRequest("Sec-WebSocket-Extensions is malformed")
        }
        return (subprotocols, extensions)
    }

    /// Whether a request asks for a WebSocket, correctly or not.
    public static func isUpgradeRequest(_ request: HTTPRequest) -> Bool {
        request.headerFields[values: .upgrade].contains(where: Self.namesWebSocket)
    }

    /// Whether a value of `Upgrade` contains `websocket`, in any case.
    package static func namesWebSocket(_ value: String) -> Bool {
        value == "websocket" || value.lowercased().contains("websocket")
    }

    /// Returns the first subprotocol of `supported` that the client offers: the server's preference decides.
    public func selectSubprotocol(from supported: [String]) -> String? {
        supported.first { self.offeredSubprotocols.contains($0) }
    }

    /// Returns the response: 101, or 200 over HTTP/2.
    ///
    /// - Parameters:
    ///   - subprotocol: one of ``offeredSubprotocols``, or `nil` for none.
    ///   - extensions: answers to ``offeredExtensions``.
    ///   - extraFields: further headers, such as `Set-Cookie`.
    public func response(
        subprotocol: String?, extensions: [WebSocketExtension] = [], extraFields: HTTPFields = [:]
    ) -> HTTPResponse {
        precondition(subprotocol.map(self.offeredSubprotocols.contains) ?? true, "a subprotocol that was not offered")
        var fields: HTTPFields = [:]
        if let key = self.key {
            fields = [.upgrade: "websocket", .connection: "Upgrade", .secWebSocketAccept: key.accept]
        }
        if let subprotocol { fields[.secWebSocketProtocol] = subprotocol }
        if !extensions.isEmpty {
            fields[.secWebSocketExtensions] = extensions.map(\.description).joined(separator: ", ")
        }
        fields.append(contentsOf: extraFields)
        return HTTPResponse(status: self.key == nil ? .ok : .switchingProtocols, headerFields: fields)
    }

    /// Returns the response to a failed handshake; its body is to be the reason.
    public static func refusal(of failure: HandshakeFailure) -> HTTPResponse {
        var fields: HTTPFields = [:]
        switch failure.code {
        case .methodNotAllowed: fields[.allow] = "GET"
        case .unsupportedVersion:
            fields[.secWebSocketVersion] = "13"
            if failure.status == 426 { fields[.upgrade] = "websocket" }
        default: break
        }
        return HTTPResponse(status: .init(code: failure.status), headerFields: fields)
    }
}
