/// Reads the comma-separated lists of `Connection`, `Upgrade` and `Sec-WebSocket-*` in one pass over the bytes
/// (RFC 9110, sections 5.6.1 to 5.6.4), quoted strings included.
package struct HeaderListParser {
    private let bytes: [UInt8]
    private var index = 0

    /// - Parameter values: the header's field values in order; several lines are one list (RFC 9110, section 5.3).
    init(_ values: [String]) {
        self.bytes = Array(values.joined(separator: ",").utf8)
    }

    private mutating func skipWhitespace() {
        while self.index < self.bytes.count,
            self.bytes[self.index] == UInt8(ascii: " ") || self.bytes[self.index] == UInt8(ascii: "\t")
        {
            self.index += 1
        }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard self.index < self.bytes.count, self.bytes[self.index] == byte else { return false }
        self.index += 1
        return true
    }

    private mutating func token() -> String? {
        let start = self.index
        while self.index < self.bytes.count, HTTPSyntax.isTokenByte(self.bytes[self.index]) { self.index += 1 }
        return self.index > start ? String(decoding: self.bytes[start..<self.index], as: UTF8.self) : nil
    }

    /// Reads the rest of a quoted string after its opening quote.
    private mutating func quotedString() -> String? {
        var value: [UInt8] = []
        while self.index < self.bytes.count {
            let byte = self.bytes[self.index]
            self.index += 1
            switch byte {
            case UInt8(ascii: "\""):
                return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard self.index < self.bytes.count else { return nil }
                value.append(self.bytes[self.index])
                self.index += 1
            default:
                value.append(byte)
            }
        }
        return nil
    }

    /// Calls `element` at the start of each element; empty elements are skipped, as RFC 9110 asks of recipients.
    ///
    /// - Returns: `nil` when the list is malformed.
    private mutating func list<Element>(_ element: (inout Self) -> Element?) -> [Element]? {
        var elements: [Element] = []
        while true {
            self.skipWhitespace()
            if self.index == self.bytes.count { return elements }
            if self.skip(UInt8(ascii: ",")) { continue }
            guard let value = element(&self) else { return nil }
            elements.append(value)
            self.skipWhitespace()
            guard self.index == self.bytes.count || self.skip(UInt8(ascii: ",")) else { return nil }
        }
    }

    /// Parses `1#token`: subprotocols, `Connection`.
    package static func tokens(_ values: [String]) -> [String]? {
        var parser = Self(values)
        return parser.list { $0.token() }
    }

    /// Parses `1#( token *( ";" token [ "=" ( token / quoted-string ) ] ) )`: `Sec-WebSocket-Extensions` (RFC 6455,
    /// section 9.1; the value in a quoted string must itself be a token).
    static func extensions(_ values: [String]) -> [WebSocketExtension]? {
        var parser = Self(values)
        return parser.list { parser in
            guard let name = parser.token() else { return nil }
            var parameters: [WebSocketExtension.Parameter] = []
            parser.skipWhitespace()
            while parser.skip(UInt8(ascii: ";")) {
                parser.skipWhitespace()
                guard let name = parser.token() else { return nil }
                parser.skipWhitespace()
                var value: String?
                if parser.skip(UInt8(ascii: "=")) {
                    parser.skipWhitespace()
                    value = parser.skip(UInt8(ascii: "\"")) ? parser.quotedString() : parser.token()
                    guard let value, HTTPSyntax.isToken(value) else { return nil }
                }
                parameters.append(.init(name: name, value: value))
                parser.skipWhitespace()
            }
            return WebSocketExtension(name: name, parameters: parameters)
        }
    }

    /// Parses `1#( token [ "/" token ] )`: `Upgrade` (RFC 9110, section 7.8).
    package static func upgradeProtocols(_ values: [String]) -> [String]? {
        var parser = Self(values)
        return parser.list { parser in
            guard let name = parser.token() else { return nil }
            guard parser.skip(UInt8(ascii: "/")) else { return name }
            return parser.token().map { name + "/" + $0 }
        }
    }
}
