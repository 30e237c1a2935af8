import MartletProtocol
import NIOHTTP1

/// Changes to the headers of a message, in this order: removed, set, added.
public struct HeaderRules: Sendable, Hashable {
    /// The names of fields that are removed.
    public var remove: [String] = []
    /// Fields that replace those of the same name.
    public var set: [Field] = []
    /// Fields that are added to those of the same name.
    public var add: [Field] = []

    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: String

        /// - Returns: `nil` unless both may stand in a header (RFC 9110, section 5).
        public init?(_ name: String, _ value: String) {
            guard !name.isEmpty, HTTPSyntax.isToken(name),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            else { return nil }
            self.name = name
            self.value = value
        }
    }

    /// Headers that frame a message or belong to one connection, which no rule may touch.
    public static let untouchable: Set<String> = [
        "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive",
        "proxy-connection", "sec-websocket-key", "sec-websocket-accept", "sec-websocket-version",
        "sec-websocket-extensions", "sec-websocket-protocol",
    ]

    public init() {}

    func apply(to headers: inout HTTPHeaders) {
        for name in self.remove { headers.remove(name: name) }
        for field in self.set { headers.replaceOrAdd(name: field.name, value: field.value) }
        for field in self.add { headers.add(name: field.name, value: field.value) }
    }
}
