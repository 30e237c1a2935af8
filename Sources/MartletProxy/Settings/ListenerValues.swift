import MartletConfiguration
import MartletService
import MartletWebSocket

/// The settings of one listener, as their table reads them.
struct ListenerValues: Sendable {
    var listener = ListenerConfiguration(address: ProxyAddress(host: "127.0.0.1", port: 0))
    var tls = TLSSettings()

    static let table = SettingsTable(
        ListenerValues(), [Self.listen] + TLSSettings.liveSettings.map { $0.at(\.tls) } + Self.more)

    private static let listen = Setting<ListenerValues>.live(
        "listen", \.listener.address, .listenAddress, default: "required", "The address and port to listen on."
    ).alias(.key("address")).required

    private static let more: [Setting<ListenerValues>] = [
        .live("http2", \.listener.isHTTP2Allowed, .bool, "Whether clients may speak HTTP/2, over TLS only."),
        .live(
            "proxyProtocol", \.listener.expectsProxyProtocol, .bool,
            "Whether every connection begins with a PROXY protocol header, version 1 or 2."),
        .live(
            "trustedProxies", \.listener.trustedProxies, .trustedProxies, default: "none",
            "The addresses and networks of reverse proxies whose `Forwarded` and `X-Forwarded-*` headers are believed."),
    ]

    /// The address alone, in place of a mapping.
    @Sendable
    static func short(_ node: ConfigurationNode) throws -> SettingsEntry<ListenerValues> {
        var values = ListenerValues()
        values.listener.address = try SettingType<ListenAddress>.listenAddress.parse(node)
        return SettingsEntry(values, origin: node.origin)
    }
}

extension SettingsEntry<ListenerValues> {
    /// - Throws: ``ConfigurationError`` for TLS that is not whole.
    func listener() throws -> ListenerConfiguration {
        if let problem = self.values.tls.problem(self.origins, sections: self.sections) { throw problem }
        var listener = self.values.listener
        if let certificate = self.values.tls.certificate, let key = self.values.tls.key {
            listener.tls = .init(certificate: certificate, key: key)
        }
        return listener
    }
}
