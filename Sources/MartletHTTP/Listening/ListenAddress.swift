/// A host and port to listen on: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`, `:8080` for every interface; or a Unix
/// domain socket: `unix:/run/martlet.sock`.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    /// The port; with 0, the kernel chooses one.
    public let port: Int
    /// The path of a Unix domain socket; then the host is empty and the port 0.
    public let path: String?

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
        self.path = nil
    }

    /// - Parameter path: of a Unix domain socket.
    public init(path: String) {
        self.host = ""
        self.port = 0
        self.path = path
    }

    /// The longest path of a Unix domain socket (`sun_path`). Bytes.
    public static let maximumPathLength = 107

    /// Reads a host and port; a Unix domain socket is another thing: see ``init(path:)``.
    ///
    /// - Returns: `nil` unless the text ends in a colon and a port, and an IPv6 address is in brackets.
    public init?(_ text: String) {
        guard let (host, port) = HostAndPort.split(text), let port else { return nil }
        self.init(host: host.isEmpty ? "0.0.0.0" : host, port: port)
    }

    /// Whether only this machine can connect: `localhost`, 127.0.0.0/8 and ::1. Other names are not looked up here;
    /// they give `false`.
    public var isLoopback: Bool {
        self.path != nil || self.host.lowercased() == "localhost"
            || IPNetwork.loopback.contains { $0.contains(self.host) }
    }

    public var description: String { self.path.map { "unix:\($0)" } ?? HostAndPort.text(self.host, self.port) }
}
