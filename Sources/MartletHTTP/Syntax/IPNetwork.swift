#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A range of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
public struct IPNetwork: Sendable, Hashable {
    private let bytes: [UInt8]
    private let prefixLength: Int

    /// - Returns: `nil` unless the text is an address or an address, a slash and a length.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = Self.parse(String(parts[0])) else { return nil }
        if parts.count == 2, !parts[1].utf8.allSatisfy({ 0x30...0x39 ~= $0 }) { return nil }
        let length = parts.count == 2 ? Int(parts[1]) : bytes.count * 8
        guard let length, (0...bytes.count * 8).contains(length) else { return nil }
        self.bytes = bytes
        self.prefixLength = length
    }

    /// The networks 127.0.0.0/8 and ::1.
    package static let loopback = ["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) }

    /// Whether a text is an IP address and not a network.
    package static func isAddress(_ text: String) -> Bool { Self.parse(text) != nil }

    public func contains(_ address: String) -> Bool {
        guard let other = Self.parse(address), other.count == self.bytes.count else { return false }
        let whole = self.prefixLength / 8
        guard other[..<whole] == self.bytes[..<whole] else { return false }
        let rest = self.prefixLength % 8
        return rest == 0 || (other[whole] ^ self.bytes[whole]) >> (8 - rest) == 0
    }

    /// Returns the name of a client for limits: its IPv4 address, or the /64 network of its IPv6 address, since every
    /// client has a whole /64.
    package static func client(_ address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")), let bytes = Self.parse(address) else { return address }
        if bytes.count == 4 { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: 8, by: 2).map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
        return groups.joined(separator: ":") + "::/64"
    }

    /// Parses an address to four or sixteen bytes; an IPv4 address inside IPv6 (`::ffff:192.0.2.1`) becomes an IPv4
    /// address.
    private static func parse(_ text: String) -> [UInt8]? {
        guard !text.utf8.contains(0) else { return nil }  // where C would take the text to end
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        return bytes[..<12] == mapped[...] ? Array(bytes[12...]) : bytes
    }
}
