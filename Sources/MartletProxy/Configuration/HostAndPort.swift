/// `example.com:8080`, `[::1]:8080`, `example.com`.
enum HostAndPort {
    /// - Returns: the host without brackets, and the port if there is one; `nil` for anything else.
    static func split(_ text: some StringProtocol) -> (host: String, port: Int?)? {
        let bytes = text.utf8
        let hostEnd: String.UTF8View.Index
        let host: String
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = String(text[bytes.index(after: bytes.startIndex)..<end])
            hostEnd = bytes.index(after: end)
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            host = String(text[..<hostEnd])
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
}
