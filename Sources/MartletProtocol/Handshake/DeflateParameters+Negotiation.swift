// How the two ends agree on permessage-deflate (RFC 7692, section 7.1).

/// The names of the four parameters.
private enum Name {
    static let serverNoContextTakeover = "server_no_context_takeover"
    static let clientNoContextTakeover = "client_no_context_takeover"
    static let serverMaximumWindowBits = "server_max_window_bits"
    static let clientMaximumWindowBits = "client_max_window_bits"
}

/// The parameters of one offer or answer: each is known, appears once, and has a valid value.
private struct ParsedParameters {
    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverMaximumWindowBits: Int?
    /// `.some(nil)` for the parameter without a value, which only an offer may have.
    var clientMaximumWindowBits: Int??

    /// - Returns: `nil` when a parameter is unknown, repeated, or has an invalid value (RFC 7692, section 7.1).
    init?(_ webSocketExtension: WebSocketExtension) {
        for parameter in webSocketExtension.parameters {
            switch (parameter.name, parameter.value) {
            case (Name.serverNoContextTakeover, nil) where !self.serverNoContextTakeover:
                self.serverNoContextTakeover = true
            case (Name.clientNoContextTakeover, nil) where !self.clientNoContextTakeover:
                self.clientNoContextTakeover = true
            case (Name.serverMaximumWindowBits, let value?) where self.serverMaximumWindowBits == nil:
                guard let bits = Self.windowBits(value) else { return nil }
                self.serverMaximumWindowBits = bits
            case (Name.clientMaximumWindowBits, let value) where self.clientMaximumWindowBits == nil:
                guard let value else {
                    self.clientMaximumWindowBits = .some(nil)
                    continue
                }
                guard let bits = Self.windowBits(value) else { return nil }
                self.clientMaximumWindowBits = bits
            default:
                return nil
            }
        }
    }

    /// Parses a number from 8 to 15, without leading zeros or signs.
    private static func windowBits(_ value: String) -> Int? {
        DeflateParameters.windowBits.first { String($0) == value }
    }
}

extension DeflateParameters {
    /// Returns the first offer that the server can accept, and the answer to it.
    ///
    /// - Parameter offers: in the client's order of preference; extensions other than permessage-deflate are ignored.
    /// - Returns: `nil` when no offer can be accepted; the connection then does not compress.
    public static func accept(
        _ offers: [WebSocketExtension], configuration: CompressionConfiguration
    ) -> (parameters: DeflateParameters, answer: WebSocketExtension)? {
        for offer in offers where offer.name == Self.extensionName {
            guard let offered = ParsedParameters(offer) else { continue }
            var parameters = DeflateParameters()
            var answer = WebSocketExtension(name: Self.extensionName)
            if offered.serverNoContextTakeover || !configuration.allowsContextTakeover {
                parameters.serverNoContextTakeover = true
                answer.parameters.append(.init(name: Name.serverNoContextTakeover))
            }
            if offered.clientNoContextTakeover || !configuration.allowsContextTakeover {
                parameters.clientNoContextTakeover = true
                answer.parameters.append(.init(name: Name.clientNoContextTakeover))
            }
            let serverBits = min(offered.serverMaximumWindowBits ?? 15, configuration.maximumWindowBits)
            if offered.serverMaximumWindowBits != nil || serverBits < 15 {
                parameters.serverMaximumWindowBits = serverBits
                answer.parameters.append(.init(name: Name.serverMaximumWindowBits, value: String(serverBits)))
            }
            // A client that does not name this parameter cannot be limited (RFC 7692, section 7.1.2.2).
            if let offeredBits = offered.clientMaximumWindowBits {
                let clientBits = min(offeredBits ?? 15, configuration.maximumPeerWindowBits)
                parameters.clientMaximumWindowBits = clientBits
                if clientBits < 15 {
                    answer.parameters.append(.init(name: Name.clientMaximumWindowBits, value: String(clientBits)))
                }
            }
            return (parameters, answer)
        }
        return nil
    }

    /// Returns the offer of a client.
    public static func offer(_ configuration: CompressionConfiguration) -> WebSocketExtension {
        var offer = WebSocketExtension(name: Self.extensionName)
        if !configuration.allowsContextTakeover {
            offer.parameters.append(.init(name: Name.serverNoContextTakeover))
            offer.parameters.append(.init(name: Name.clientNoContextTakeover))
        }
        if configuration.maximumPeerWindowBits < 15 {
            offer.parameters.append(
                .init(name: Name.serverMaximumWindowBits, value: String(configuration.maximumPeerWindowBits)))
        }
        let bits = configuration.maximumWindowBits
        offer.parameters.append(.init(name: Name.clientMaximumWindowBits, value: bits < 15 ? String(bits) : nil))
        return offer
    }

    /// Checks the server's answer to ``offer(_:)`` on the client's side.
    ///
    /// - Throws: ``HandshakeFailure`` when the answer does not accept the offer (RFC 7692, section 7.1).
    public static func check(
        _ answer: WebSocketExtension, configuration: CompressionConfiguration
    ) throws(HandshakeFailure) -> DeflateParameters {
        guard answer.name == Self.extensionName, let answered = ParsedParameters(answer) else {
            throw .badResponse("the server's answer about compression is malformed: \(answer)")
        }
        guard answered.serverNoContextTakeover || configuration.allowsContextTakeover else {
            throw .badResponse("the server does not agree to compress each message on its own")
        }
        var parameters = DeflateParameters()
        parameters.serverNoContextTakeover = answered.serverNoContextTakeover
        parameters.clientNoContextTakeover =
            answered.clientNoContextTakeover || !configuration.allowsContextTakeover
        let serverBits = answered.serverMaximumWindowBits ?? 15
        guard serverBits <= configuration.maximumPeerWindowBits else {
            throw .badResponse("the server compresses with a larger window than was asked for")
        }
        parameters.serverMaximumWindowBits = serverBits
        parameters.clientMaximumWindowBits = configuration.maximumWindowBits
        switch answered.clientMaximumWindowBits {
        case nil: break
        case .some(nil): throw .badResponse("client_max_window_bits has no value in the server's answer")
        case .some(let bits?):
            guard bits <= configuration.maximumWindowBits else {
                throw .badResponse("the server's client_max_window_bits is above what was offered")
            }
            parameters.clientMaximumWindowBits = bits
        }
        return parameters
    }
}
