/// Where the proxy listens: `127.0.0.1:8082`, `[::1]:8082`, `:8082` for every interface, `127.0.0.1:0` for any port.
public struct ProxyAddress: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// - Returns: `nil` unless the text ends in a colon and a port, and an IPv6 address stands in brackets.
    public init?(_ text: String) {
        guard let (host, port) = HostAndPort.split(text), let port, (0...65_535).contains(port) else { return nil }
        self.init(host: host.isEmpty ? "0.0.0.0" : host, port: port)
    }

    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
