import MartletConfiguration
import MartletWebSocket

extension ConfigurationNode {
    func listenAddress() throws -> ListenAddress {
        guard let address = ListenAddress(try self.string()) else {
            throw self.error("expected an address and a port, such as 127.0.0.1:8080, [::1]:8080 or :8080")
        }
        return address
    }

    func trustedProxies() throws -> TrustedProxies {
        TrustedProxies(
            try self.strings().map { text in
                guard let network = IPNetwork(text) else {
                    throw self.error("expected addresses or networks such as 10.0.0.0/8, not \(text)")
                }
                return network
            })
    }

    /// Origins, or `*` for any. Pages of the same host may always connect.
    func originPolicy() throws -> OriginPolicy {
        let origins = try self.strings()
        if origins.contains("*") { return .any }
        for origin in origins where !OriginPolicy.isOrigin(origin) {
            throw self.error("\(origin) is no origin: write https://example.com or http://localhost:3000")
        }
        return .sameHost.or(.allow(origins))
    }

    /// `10/s`, `600/m`, `1000/h`: how many a second.
    func rate() throws -> Double {
        let parts = try self.string().split(separator: "/", omittingEmptySubsequences: false)
        let units = ["s": 1.0, "m": 60.0, "h": 3600.0]
        guard parts.count == 2, let count = Double(parts[0]), count > 0, count.isFinite,
            let unit = units[String(parts[1])]
        else { throw self.error("expected a rate such as 10/s, 600/m or 1000/h") }
        return count / unit
    }
}
