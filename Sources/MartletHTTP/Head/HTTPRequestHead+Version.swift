package import NIOHTTP1

extension HTTPRequestHead {
    /// Whether the client knows neither chunks nor interim answers, and may leave the Host header out.
    package var isHTTP10: Bool { self.version.major == 1 && self.version.minor == 0 || self.version.major == 0 }
}
