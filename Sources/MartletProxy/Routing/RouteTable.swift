/// The routes of a configuration, in the order in which they are tried.
struct RouteTable: Sendable {
    private struct Entry: Sendable {
        let host: HostPattern
        let path: String
        let route: Int
    }

    private enum HostPattern: Sendable, Hashable {
        case exact(String)
        /// A suffix of the host, with the dot in front.
        case suffix(String)
        case any

        var rank: Int {
            switch self {
            case .exact: 0
            case .suffix: 1
            case .any: 2
            }
        }

        func matches(_ host: String) -> Bool {
            switch self {
            case .exact(let name): name == host
            case .suffix(let suffix): host.hasSuffix(suffix) && host.utf8.count > suffix.utf8.count
            case .any: true
            }
        }
    }

    private let entries: [Entry]

    init(_ routes: [RouteConfiguration]) {
        var entries: [Entry] = []
        for (index, route) in routes.enumerated() {
            let patterns: [HostPattern] =
                route.hosts.isEmpty
                ? [.any]
                : route.hosts.map { host in
                    let host = Self.normalize(host)
                    if host == "*" { return .any }
                    return host.hasPrefix("*.") ? .suffix(String(host.dropFirst())) : .exact(host)
                }
            for pattern in patterns { entries.append(Entry(host: pattern, path: route.path, route: index)) }
        }
        // Sorting is stable: of equal ones, the first that was written wins.
        self.entries = entries.sorted { left, right in
            if left.host.rank != right.host.rank { return left.host.rank < right.host.rank }
            if case .suffix(let one) = left.host, case .suffix(let other) = right.host,
                one.utf8.count != other.utf8.count
            {
                return one.utf8.count > other.utf8.count
            }
            return left.path.utf8.count > right.path.utf8.count
        }
    }

    /// - Parameters:
    ///   - host: the value of the Host header, with or without a port.
    ///   - path: the decoded path.
    /// - Returns: the index of the route.
    func match(host: String, path: String) -> Int? {
        if self.entries.count == 1, self.entries[0].host == .any, self.entries[0].path == "/" {
            return self.entries[0].route
        }
        let name = Self.normalize(HostAndPort.split(host)?.host ?? "")
        return self.entries.first { $0.host.matches(name) && Self.isPrefix($0.path, of: path) }?.route
    }

    /// Returns a host in lower case, without the dot of a fully qualified name.
    private static func normalize(_ host: String) -> String {
        let host = host.lowercased()
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    private static func isPrefix(_ prefix: String, of path: String) -> Bool {
        guard path.utf8.starts(with: prefix.utf8) else { return false }
        if prefix.utf8.last == UInt8(ascii: "/") || path.utf8.count == prefix.utf8.count { return true }
        return path.utf8[path.utf8.index(path.utf8.startIndex, offsetBy: prefix.utf8.count)] == UInt8(ascii: "/")
    }
}
