import FoundationEssentials
import HTTPTypes
import Synchronization

/// Keeps the cookies that servers set in their responses to opening handshakes, and sends them in later ones (RFC
/// 6265).
///
/// It is simpler than a browser's: a cookie is sent only to the host that set it, whatever its `Domain` says, and is
/// lost with the jar. `Path`, `Secure` and `Max-Age` are honoured.
public final class WebSocketCookieJar: Sendable {
    private struct Cookie {
        let value: String
        let path: String
        let isSecure: Bool
        let expires: ContinuousClock.Instant?
    }

    /// The cookies by host, then by name and path.
    private let cookies = Mutex<[String: [String: (name: String, cookie: Cookie)]]>([:])

    public init() {}

    /// Adds a cookie.
    ///
    /// - Parameter host: the host of the URLs to which it is sent.
    public func set(_ name: String, _ value: String, host: String) {
        let cookie = Cookie(value: value, path: "/", isSecure: false, expires: nil)
        self.cookies.withLock { $0[host.lowercased(), default: [:]]["\(name);/"] = (name, cookie) }
    }

    /// Stores the cookies that a server's response sets.
    func store(_ fields: HTTPFields, from url: WebSocketURL) {
        for field in fields[values: .setCookie] { self.store(field, from: url) }
    }

    private func store(_ field: String, from url: WebSocketURL) {
        let parts = field.split(separator: ";").map(Self.trim)
        guard let first = parts.first, let equals = first.firstIndex(of: "="), equals > first.startIndex else { return }
        let name = Self.trim(first[..<equals])
        let value = Self.trim(first[first.index(after: equals)...])
        var path = "/"
        var isSecure = false
        var maximumAge: Int?
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(Self.trim)
            switch pair.first?.lowercased() {
            case "path": path = pair.count == 2 && pair[1].hasPrefix("/") ? pair[1] : "/"
            case "secure": isSecure = true
            case "max-age": maximumAge = pair.count == 2 ? Int(pair[1]) : nil
            default: break
            }
        }
        guard !isSecure || url.isSecure else { return }
        let expires = maximumAge.map { ContinuousClock.now + .seconds($0) }
        self.cookies.withLock { cookies in
            let key = "\(name);\(path)"
            if let maximumAge, maximumAge <= 0 {
                cookies[url.host.lowercased()]?[key] = nil
            } else {
                let cookie = Cookie(value: value, path: path, isSecure: isSecure, expires: expires)
                cookies[url.host.lowercased(), default: [:]][key] = (name, cookie)
            }
        }
    }

    /// Returns the value of a `Cookie` header for a request; `nil` when there is no cookie for it.
    func header(for url: WebSocketURL) -> String? {
        let path = url.target.prefix { $0 != "?" }
        let now = ContinuousClock.now
        let matching = self.cookies.withLock { cookies in
            (cookies[url.host.lowercased()] ?? [:]).values.filter { entry in
                let cookie = entry.cookie
                return (!cookie.isSecure || url.isSecure) && cookie.expires.map { $0 > now } ?? true
                    && (path == cookie.path
                        || path.hasPrefix(cookie.path.hasSuffix("/") ? cookie.path : cookie.path + "/"))
            }
        }
        guard !matching.isEmpty else { return nil }
        // Longer paths first (RFC 6265, section 5.4).
        return matching.sorted { ($1.cookie.path.count, $0.name) < ($0.cookie.path.count, $1.name) }
            .map { "\($0.name)=\($0.cookie.value)" }.joined(separator: "; ")
    }

    private static func trim(_ text: some StringProtocol) -> String {
        var text = text.trimmingPrefix(while: \.isWhitespace)
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}
