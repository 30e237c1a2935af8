package import NIOCore

extension SocketAddress {
    /// The usual text of the address: `127.0.0.1:8080`, `[::1]:8080`, or the path of a Unix socket.
    package var text: String {
        guard let host = self.ipAddress, let port = self.port else { return self.pathname ?? "-" }
        return HostAndPort.text(host, port)
    }
}
