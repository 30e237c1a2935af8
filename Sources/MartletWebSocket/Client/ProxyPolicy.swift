import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The choice of a client whether to connect through a proxy.
public enum ProxyPolicy: Sendable, Hashable {
    case none
    case proxy(WebSocketProxy)
    /// The proxy of the usual environment variables: `https_proxy` for `wss`, `http_proxy` for `ws`, `all_proxy` for
    /// both, the same in capitals, and `no_proxy`, a list of hosts, `.domains`, addresses or `*` that are reached
    /// directly. Loopback addresses always are. `HTTP_PROXY` in capitals is ignored in a CGI program, where a client
    /// can set it.
    case environment

    func proxy(for url: WebSocketURL) throws(WebSocketError) -> WebSocketProxy? {
        switch self {
        case .none: nil
        case .proxy(let proxy): proxy
        case .environment: try ProxyEnvironment.current.proxy(for: url)
        }
    }
}

/// The environment variables that name proxies.
struct ProxyEnvironment {
    let variables: [String: String]

    static var current: ProxyEnvironment {
        var variables: [String: String] = [:]
        let names = ["https_proxy", "http_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"]
        for name in names + names.map({ $0.uppercased() }) {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return ProxyEnvironment(variables: variables)
    }

    func proxy(for url: WebSocketURL) throws(WebSocketError) -> WebSocketProxy? {
        guard !Self.isLoopback(url.host), !self.isExcluded(url) else { return nil }
        let name = url.isSecure ? "https_proxy" : "http_proxy"
        var value = self.variables[name]
        if value == nil, url.isSecure || self.variables["REQUEST_METHOD"] == nil {
            value = self.variables[name.uppercased()]
        }
        value = value ?? self.variables["all_proxy"] ?? self.variables["ALL_PROXY"]
        guard let value, !value.isEmpty else { return nil }
        return try WebSocketProxy(url: value)
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "::1"
            || (IPNetwork("127.0.0.0/8")?.contains(host) ?? false)
    }

    private func isExcluded(_ url: WebSocketURL) -> Bool {
        let list = self.variables["no_proxy"] ?? self.variables["NO_PROXY"] ?? ""
        let host = url.host.lowercased()
        return list.split(separator: ",").contains { entry in
            var entry = entry.trimmingPrefix(while: \.isWhitespace).lowercased()
            while entry.last?.isWhitespace ?? false { entry.removeLast() }
            if entry == "*" { return true }
            if let network = IPNetwork(entry) { return network.contains(host) }
            if let colon = entry.lastIndex(of: ":"), let port = Int(entry[entry.index(after: colon)...]) {
                guard port == url.port else { return false }
                entry = String(entry[..<colon])
            }
            let domain = entry.hasPrefix("*.") ? String(entry.dropFirst(2)) : String(entry.trimmingPrefix("."))
            return !domain.isEmpty && (host == domain || host.hasSuffix("." + domain))
        }
    }
}
