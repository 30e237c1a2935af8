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

extension SettingType<[ListenAddress]> {
    /// Addresses and ports, and paths of Unix domain sockets: `unix:/run/martlet.sock`.
    package static var listenAddresses: Self {
        Self(
            SettingForm("address", example: "127.0.0.1:9999", kind: .list),
            text: { $0.map(\.description).joined(separator: ", ") }
        ) { node in
            let texts = try node.strings()
            var addresses: [ListenAddress] = []
            for text in texts {
                guard text.hasPrefix("unix:") else {
                    guard let address = ListenAddress(text) else {
                        throw node.error(
                            "expected an address and a port, such as 127.0.0.1:8080, [::1]:8080 or :8080, or unix:/run/martlet.sock"
                        )
                    }
                    addresses.append(address)
                    continue
                }
                let path = String(text.dropFirst(5))
                guard !path.isEmpty, path.utf8.count <= ListenAddress.maximumPathLength else {
                    throw node.error("the path of a unix socket has 1 to \(ListenAddress.maximumPathLength) bytes")
                }
                addresses.append(ListenAddress(path: path))
            }
            let fixed = addresses.filter { $0.path != nil || $0.port != 0 }
            guard Set(fixed).count == fixed.count else {
                throw node.error("an address is there twice")
            }
            guard !addresses.isEmpty else { throw node.error("expected at least one address") }
            return addresses
        }
    }
}

extension SettingType<TrustedProxies> {
    /// Addresses and networks.
    package static var trustedProxies: Self {
        Self(SettingForm("network", example: "10.0.0.0/8", kind: .list)) { node in
            let texts = try node.strings()
            let wrong = texts.filter { IPNetwork($0) == nil }
            guard wrong.isEmpty else {
                throw node.error(
                    "expected addresses or networks such as 10.0.0.0/8, not \(wrong.joined(separator: ", "))")
            }
            return TrustedProxies(texts.compactMap { IPNetwork($0) })
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
            let wrong = texts.filter { $0 != "same-host" && !OriginPolicy.isOrigin($0) }
            guard wrong.isEmpty, !texts.isEmpty else {
                throw node.error(
                    "\(wrong.joined(separator: ", ")) is no origin: write https://example.com, https://*.example.com, null, same-host or *"
                )
            }
            let allowed = OriginPolicy.allow(texts.filter { $0 != "same-host" })
            return isSameHostImplied || texts.contains("same-host") ? .sameHost.or(allowed) : allowed
        }
    }
}

extension SettingType<String> {
    /// An `http` or `https` URL.
    package static func httpURL(example: String) -> Self {
        Self(SettingForm("URL", example: example), text: { $0 }) { node in
            let url = try node.string()
            guard LoggedURL.isHTTP(url) else {
                throw node.error("\(LoggedURL.text(url)) is no http or https URL").of(.configuration)
            }
            return url
        }
    }
}
