/// `example.com:8080`, `[::1]:8080`, `example.com`.
enum HostAndPort {
    /// - Returns: the host without brackets, and the port if there is one; `nil` for anything else.
    static func split(_ text: some StringProtocol) -> (host: String, port: Int?)? {
        var rest = Substring(text)
        let host: String
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(after: end)...]
        } else {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            host = String(rest[..<end])
            rest = rest[end...]
        }
        guard !rest.isEmpty else { return (host, nil) }
        guard rest.hasPrefix(":"), rest.dropFirst().allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        if rest.count == 1 { return (host, nil) }
        guard let port = Int(rest.dropFirst()), (0...65_535).contains(port) else { return nil }
        return (host, port)
    }
}
