/// One element of `Sec-WebSocket-Extensions`, offered by a client or accepted by a server
/// (RFC 6455, section 9.1): `permessage-deflate; client_max_window_bits`.
public struct WebSocketExtension: Sendable, Hashable, CustomStringConvertible {
    public struct Parameter: Sendable, Hashable {
        public var name: String
        /// The value; `nil` for a parameter without one.
        public var value: String?

        public init(name: String, value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    public var name: String
    public var parameters: [Parameter]

    public init(name: String, parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }

    /// The text of the extension in the header.
    public var description: String {
        self.parameters.reduce(self.name) { $0 + "; " + $1.name + ($1.value.map { "=" + $0 } ?? "") }
    }
}
