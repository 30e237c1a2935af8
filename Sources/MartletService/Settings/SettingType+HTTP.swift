package import MartletConfiguration
package import MartletWebSocket

extension SettingType<ListenAddress> {
    /// An address and a port: `127.0.0.1:8080`.
    package static var listenAddress: Self {
        Self(SettingForm("address", example: "127.0.0.1:9999"), text: { "\($0)" }) { node in
            guard let address = ListenAddress(try node.string()) else {
                throw node.error("expected an address and a port, such as 127.0.0.1:8080, [::1]:8080 or :8080")
            }
            return address
        }
    }
}

extension SettingType<TrustedProxies> {
    /// Addresses and networks.
    package static var trustedProxies: Self {
        Self(SettingForm("network", example: "10.0.0.0/8", kind: .list)) { node in
            TrustedProxies(
                try node.strings().map { text in
                    guard let network = IPNetwork(text) else {
                        throw node.error("expected addresses or networks such as 10.0.0.0/8, not \(text)")
                    }
                    return network
                })
        }
    }
}

extension SettingType<OriginPolicy> {
    /// Origins, `same-host`, or `*` for any.
    ///
    /// - Parameter isSameHostImplied: whether pages of the same host may always connect.
    package static func origins(isSameHostImplied: Bool) -> Self {
        Self(SettingForm("origin", example: "https://example.com", kind: .list)) { node in
            let texts = try node.strings()
            if texts.contains("*") { return .any }
            for text in texts where text != "same-host" && !OriginPolicy.isOrigin(text) {
                throw node.error("\(text) is no origin: write https://example.com, same-host or *")
            }
            let allowed = OriginPolicy.allow(texts.filter { $0 != "same-host" })
            return isSameHostImplied || texts.contains("same-host") ? .sameHost.or(allowed) : allowed
        }
    }
}
