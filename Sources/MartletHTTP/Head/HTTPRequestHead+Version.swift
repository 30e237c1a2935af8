package import NIOHTTP1

extension HTTPRequestHead {
    /// Whether the client supports neither chunks nor interim answers, and may omit the Host header.
    package var isHTTP10: Bool { self.version.major == 1 && self.version.minor == 0 || self.version.major == 0 }

    /// Whether the client wants the connection to stay open (RFC 9112, section 9.3): `close` takes precedence over
    /// `keep-alive`, also in HTTP/1.0, where NIO's own property looks for `keep-alive` only.
    package var keepsConnection: Bool {
        guard !self.headers.lists("close", in: "connection") else { return false }
        return !self.isHTTP10 || self.headers.lists("keep-alive", in: "connection")
    }
}
