/// Scheme, host and port of a page (RFC 6454).
struct Origin: Hashable {
    let scheme: String
    private let host: String
    private let port: String

    /// - Parameter text: `https://example.com:8443`; anything else, `null` included, is no origin.
    init?(_ text: String) {
        let lowered = text.lowercased()
        guard let colon = lowered.firstRange(of: "://") else { return nil }
        self.init(scheme: String(lowered[..<colon.lowerBound]), authority: String(lowered[colon.upperBound...]))
    }

    /// - Parameter authority: `example.com`, `example.com:8080`, `[::1]:8080`.
    init?(scheme: String, authority: String) {
        let authority = authority.lowercased()
        guard !scheme.isEmpty, !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else {
            return nil
        }
        let hostEnd = authority.firstIndex(of: "]").map { authority.index(after: $0) } ?? authority.startIndex
        let colon = authority[hostEnd...].firstIndex(of: ":")
        self.scheme = scheme
        self.host = String(authority[..<(colon ?? authority.endIndex)])
        let port = colon.map { String(authority[authority.index(after: $0)...]) } ?? ""
        self.port = port.isEmpty ? (scheme == "https" || scheme == "wss" ? "443" : "80") : port
        guard !self.host.isEmpty, self.port.allSatisfy(\.isNumber) else { return nil }
    }
}
