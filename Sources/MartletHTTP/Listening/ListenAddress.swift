/// A host and port to listen on: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`, `:8080` for every interface.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    /// The port; with 0, the kernel chooses one.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// - Returns: `nil` unless the text ends in a colon and a port, and an IPv6 address is in brackets.
    public init?(_ text: String) {
        guard let (host, port) = HostAndPort.split(text), let port else { return nil }
        self.init(host: host.isEmpty ? "0.0.0.0" : host, port: port)
    }

    /// Whether only this machine can connect: `localhost`, 127.0.0.0/8 and ::1. Other names are not looked up here;
    /// they give `false`.
    public var isLoopback: Bool {
        self.host.lowercased() == "localhost" || IPNetwork.loopback.contains { $0.contains(self.host) }
    }

    public var description: String { HostAndPort.text(self.host, self.port) }
}
