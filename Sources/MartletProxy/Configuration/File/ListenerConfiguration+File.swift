import MartletConfiguration
import MartletWebSocket

extension ListenerConfiguration {
    /// A mapping, or the address alone.
    init(_ node: ConfigurationNode) throws {
        guard node.isMapping else {
            self.init(address: try node.address())
            return
        }
        let members = try node.members(["address", "tls", "http2", "proxyProtocol", "trustedProxies"])
        self.init(address: try members.required("address").address())
        try members.read("tls", into: &self.tls) { node in
            let files = try node.members(["certificate", "key"])
            return TLSFiles(
                certificate: try files.required("certificate").string(), key: try files.required("key").string())
        }
        try members.read("http2", into: &self.isHTTP2Allowed) { try $0.bool() }
        try members.read("proxyProtocol", into: &self.expectsProxyProtocol) { try $0.bool() }
        try members.read("trustedProxies", into: &self.trustedProxies) { node in
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

extension ClientConfiguration {
    init(_ node: ConfigurationNode) throws {
        let members = try node.members([
            "headerTimeout", "keepAliveTimeout", "bodyTimeout", "maximumHeaderSize", "maximumHeaderCount",
        ])
        self.init()
        try members.read("headerTimeout", into: &self.headerTimeout) { try $0.timeout() }
        try members.read("keepAliveTimeout", into: &self.keepAliveTimeout) { try $0.duration() }
        try members.read("bodyTimeout", into: &self.bodyTimeout) { try $0.timeout() }
        try members.read("maximumHeaderSize", into: &self.maximumHeaderSize) { try $0.size() }
        try members.read("maximumHeaderCount", into: &self.maximumHeaderCount) { try $0.int(1...10_000) }
    }
}

extension AccessLogConfiguration {
    init(_ node: ConfigurationNode) throws {
        let members = try node.members(["file", "format"])
        self.init(file: try members.required("file").string())
        try members.read("format", into: &self.format) { node in
            switch try node.string() {
            case "json": .json
            case "combined": .combined
            default: throw node.error("expected json or combined")
            }
        }
    }
}
