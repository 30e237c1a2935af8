import MartletProtocol

/// Hosts and ports as URLs and `Host` headers write them: `example.com:8080`, `[::1]:8080`, `example.com`.
package enum HostAndPort {
    /// - Returns: the host without brackets, and the port if there is one; `nil` for anything else. Only an IPv6
    ///   address may be in brackets, and a port has one to five digits.
    package static func split(_ text: String) -> (host: String, port: Int?)? { Self.split(text[...]) }

    /// Splits a part of a text. It is not a generic function: those are slow when they are called from another module.
    package static func split(_ text: Substring) -> (host: String, port: Int?)? {
        let bytes = text.utf8
        let hostEnd: String.UTF8View.Index
        let host: String
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = String(text[bytes.index(after: bytes.startIndex)..<end])
            guard Self.isIPv6(host) else { return nil }
            hostEnd = bytes.index(after: end)
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            host = String(text[..<hostEnd])
            guard host.utf8.allSatisfy({ $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "]") }) else { return nil }
        }
        guard hostEnd != bytes.endIndex else { return (host, nil) }
        guard bytes[hostEnd] == UInt8(ascii: ":") else { return nil }
        var port = 0
        var digits = 0
        for byte in bytes[bytes.index(after: hostEnd)...] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits < 5 else { return nil }
            port = port * 10 + Int(byte - UInt8(ascii: "0"))
            digits += 1
        }
        guard port <= 65_535 else { return nil }
        return (host, digits == 0 ? nil : port)
    }

    /// Whether a text may be the value of a `Host` header (RFC 9110, section 7.2), which may be empty.
    package static func isAuthority(_ text: String) -> Bool { Self.isAuthority(text[...]) }

    /// Whether a part of a text may be the value of a `Host` header.
    package static func isAuthority(_ text: Substring) -> Bool {
        guard text.utf8.first != UInt8(ascii: "[") else {
            return text.utf8.allSatisfy { HTTPSyntax.isHostByte($0) } && Self.split(text) != nil
        }
        // Byte by byte, without memory: this runs for each request.
        var port = 0
        var digits: Int?
        var hexDigits = 0  // that a percent sign asks for
        for byte in text.utf8 {
            if hexDigits > 0 {
                guard PercentEncoding.digit(byte) != nil else { return false }
                hexDigits -= 1
            } else if let count = digits {
                guard 0x30...0x39 ~= byte, count < 5 else { return false }
                port = port * 10 + Int(byte - 0x30)
                digits = count + 1
            } else if byte == UInt8(ascii: ":") {
                digits = 0
            } else if byte == UInt8(ascii: "%") {
                hexDigits = 2
            } else if !HTTPSyntax.isHostByte(byte) || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") {
                return false
            }
        }
        return port <= 65_535 && hexDigits == 0
    }

    /// Returns the usual text of a host and a port, with an IPv6 address in brackets.
    package static func text(_ host: String, _ port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether a name or an address is this machine's own: `localhost`, names below it (RFC 6761, section 6.3),
    /// 127.0.0.0/8 and ::1.
    package static func isLoopback(_ host: String) -> Bool {
        let name = host.lowercased()
        if name == "localhost" || name.hasSuffix(".localhost") { return true }
        return IPNetwork.loopback.contains { $0.contains(name) }
    }

    /// Whether a text is an IPv6 address, with or without a zone (RFC 6874).
    private static func isIPv6(_ text: String) -> Bool {
        let zone = text.utf8.firstIndex(of: UInt8(ascii: "%"))
        let address = String(text[..<(zone ?? text.endIndex)])
        guard address.utf8.contains(UInt8(ascii: ":")), IPNetwork.isAddress(address) else { return false }
        guard let zone else { return true }
        return text.utf8.index(after: zone) != text.endIndex
            && text.utf8[text.utf8.index(after: zone)...].allSatisfy {
                HTTPSyntax.isTokenByte($0) || $0 == UInt8(ascii: "%")
            }
    }
}
