package import NIOHTTP1

extension HTTPRequestHead {
    /// Whether the client supports neither chunks nor interim answers, and may omit the Host header.
    package var isHTTP10: Bool { self.version.major == 1 && self.version.minor == 0 || self.version.major == 0 }
}
