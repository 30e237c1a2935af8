import NIOCore

/// The hosts that routes and `Host` headers may name.
enum RouteHost {
    /// Whether a text is a host name or an IP address, without a port.
    static func isName(_ text: String) -> Bool {
        if text.utf8.contains(UInt8(ascii: ":")) { return (try? SocketAddress(ipAddress: text, port: 0)) != nil }
        return !text.utf8.isEmpty
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || "-._".utf8.contains($0)
            }
    }
}
