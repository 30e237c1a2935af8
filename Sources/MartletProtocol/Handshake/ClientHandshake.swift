public import HTTPTypes

/// The client's side of the opening handshake (RFC 6455, section 4.1): the request, and the check of the response.
public struct ClientHandshake: Sendable, Hashable {
    /// The subprotocol and compression that the server chose.
    public struct Agreement: Sendable, Hashable {
        public let subprotocol: String?
        /// The parameters of compression; `nil` when messages are not compressed.
        public let compression: DeflateParameters?
    }

    public let key: HandshakeKey
    /// The subprotocols to offer, the preferred one first.
    public let subprotocols: [String]
    /// The settings for the compression to offer; `nil` offers none.
    public let compression: CompressionConfiguration?

    /// - Parameters:
    ///   - subprotocols: tokens, each once.
    ///   - compression: settings for the compression to offer; `nil` offers none.
    public init(
        subprotocols: [String] = [], compression: CompressionConfiguration? = nil, key: HandshakeKey = .random()
    ) throws(HandshakeFailure) {
        guard subprotocols.allSatisfy(HTTPSyntax.isToken) else {
            throw .badRequest("a subprotocol must be a token: letters, digits and some punctuation")
        }
        guard Set(subprotocols).count == subprotocols.count else {
            throw .badRequest("a subprotocol is named twice")
        }
        self.subprotocols = subprotocols
        self.compression = compression
        self.key = key
    }

    /// Returns the request that opens the WebSocket.
    ///
    /// - Parameters:
    ///   - authority: the host and, unless it is the scheme's default, the port.
    ///   - path: the path with the query.
    ///   - extraFields: further headers, such as `Origin` or `Authorization`. The headers of the handshake take
    ///     precedence.
    public func request(scheme: String, authority: String, path: String, extraFields: HTTPFields = [:]) -> HTTPRequest {
        var fields = extraFields
        fields[.upgrade] = "websocket"
        fields[.connection] = "Upgrade"
        fields[.secWebSocketVersion] = "13"
        fields[.secWebSocketKey] = self.key.value
        fields[.secWebSocketProtocol] = self.subprotocols.isEmpty ? nil : self.subprotocols.joined(separator: ", ")
        fields[.secWebSocketExtensions] = self.compression.map { DeflateParameters.offer($0).description }
        return HTTPRequest(method: .get, scheme: scheme, authority: authority, path: path, headerFields: fields)
    }

    /// Checks the server's answer header by header.
    public func check(_ response: HTTPResponse) throws(HandshakeFailure) -> Agreement {
        let fields = response.headerFields
        guard response.status == .switchingProtocols else {
            throw HandshakeFailure(
                code: .refused, reason: "the server answered \(response.status) in place of 101",
                status: response.status.code, response: response)
        }
        guard HeaderListParser.upgradeProtocols(fields[values: .upgrade])?.map({ $0.lowercased() }) == ["websocket"]
        else {
            throw .badResponse("the header Upgrade is not websocket")
        }
        guard
            HeaderListParser.tokens(fields[values: .connection])?.contains(where: { $0.lowercased() == "upgrade" })
                ?? false
        else {
            throw .badResponse("the header Connection lacks Upgrade")
        }
        guard fields[values: .secWebSocketAccept] == [self.key.accept] else {
            throw .badResponse("Sec-WebSocket-Accept does not answer the key: no WebSocket server, or a cached answer")
        }
        guard let chosen = HeaderListParser.tokens(fields[values: .secWebSocketProtocol]), chosen.count <= 1 else {
            throw .badResponse("Sec-WebSocket-Protocol names more than one subprotocol")
        }
        if let subprotocol = chosen.first, !self.subprotocols.contains(subprotocol) {
            throw .badResponse("the server chose the subprotocol \(subprotocol), which was not offered")
        }
        return Agreement(subprotocol: chosen.first, compression: try self.checkExtensions(fields))
    }

    private func checkExtensions(_ fields: HTTPFields) throws(HandshakeFailure) -> DeflateParameters? {
        guard let answers = HeaderListParser.extensions(fields[values: .secWebSocketExtensions]) else {
            throw .badResponse("Sec-WebSocket-Extensions is malformed")
        }
        guard let answer = answers.first else { return nil }
        guard let compression, answer.name == DeflateParameters.extensionName else {
            throw .badResponse("the server chose an extension that was not offered: \(answer.name)")
        }
        guard answers.count == 1 else { throw .badResponse("the server chose more than one extension") }
        return try DeflateParameters.check(answer, configuration: compression)
    }
}
