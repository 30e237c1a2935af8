import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The header of the PROXY protocol (haproxy.org, proxy-protocol.txt): it names the client of the load balancer in
/// front.
struct ProxyProtocolHeader: Sendable, Hashable {
    /// The client's address; `nil` for a connection of the balancer's own (`LOCAL`, `UNKNOWN`).
    var source: SocketAddress?
    var destination: SocketAddress?

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    /// Version 1 is one line of at most this many bytes, CR LF included.
    static let maximumLineLength = 107
    /// The most bytes that addresses and extensions of version 2 may have together; more is refused.
    static let maximumVersion2Length = 1024

    enum Decoded: Sendable, Hashable {
        case needMoreData
        /// The header and its length in bytes.
        case header(ProxyProtocolHeader, length: Int)
        /// The bytes do not begin with a valid header.
        case malformed
    }

    static func decode(_ bytes: some RandomAccessCollection<UInt8>) -> Decoded {
        let bytes = Array(bytes.prefix(16 + Self.maximumVersion2Length))
        guard let first = bytes.first else { return .needMoreData }
        if first == Self.signature[0] { return Self.decodeVersion2(bytes) }
        guard "PROXY ".utf8.starts(with: bytes.prefix(6)) else { return .malformed }
        guard let end = bytes.prefix(Self.maximumLineLength).firstIndex(of: 0x0A) else {
            return bytes.count >= Self.maximumLineLength ? .malformed : .needMoreData
        }
        guard end > 6, bytes[end - 1] == 0x0D else { return .malformed }
        let line = String(decoding: bytes[..<(end - 1)], as: UTF8.self)
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        if fields.count >= 2, fields[1] == "UNKNOWN" { return .header(.init(), length: end + 1) }
        guard fields.count == 6, fields[1] == "TCP4" || fields[1] == "TCP6",
            let source = Self.address(fields[2], fields[4], isVersion6: fields[1] == "TCP6"),
            let destination = Self.address(fields[3], fields[5], isVersion6: fields[1] == "TCP6")
        else { return .malformed }
        return .header(.init(source: source, destination: destination), length: end + 1)
    }

    private static func address(_ host: Substring, _ port: Substring, isVersion6: Bool) -> SocketAddress? {
        guard let port = UInt16(port), host.contains(":") == isVersion6 else { return nil }
        return try? SocketAddress(ipAddress: String(host), port: Int(port))
    }

    private static func decodeVersion2(_ bytes: [UInt8]) -> Decoded {
        guard Self.signature.starts(with: bytes.prefix(Self.signature.count)) else { return .malformed }
        guard bytes.count >= 16 else { return .needMoreData }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        guard bytes[12] >> 4 == 2, bytes[12] & 15 <= 1, length <= Self.maximumVersion2Length else { return .malformed }
        guard bytes.count >= 16 + length else { return .needMoreData }
        let isLocal = bytes[12] & 15 == 0
        let body = bytes[16..<(16 + length)]
        let addressLength: Int
        switch bytes[13] {
        case _ where isLocal: return .header(.init(), length: 16 + length)
        case 0x11: addressLength = 4
        case 0x21: addressLength = 16
        case 0x00, 0x31: return .header(.init(), length: 16 + length)
        default: return .malformed
        }
        guard body.count >= addressLength * 2 + 4 else { return .malformed }
        func address(at offset: Int, port: Int) -> SocketAddress? {
            let start = body.startIndex + offset
            let packed = ByteBuffer(bytes: body[start..<(start + addressLength)])
            let portStart = body.startIndex + addressLength * 2 + port
            return try? SocketAddress(
                packedIPAddress: packed, port: Int(body[portStart]) << 8 | Int(body[portStart + 1]))
        }
        guard let source = address(at: 0, port: 0), let destination = address(at: addressLength, port: 2) else {
            return .malformed
        }
        return .header(.init(source: source, destination: destination), length: 16 + length)
    }

    func encoded(_ version: UpstreamConfiguration.ProxyProtocolVersion) -> [UInt8] {
        guard let source = self.source, let destination = self.destination,
            let from = source.ipAddress, let to = destination.ipAddress, let fromPort = source.port,
            let toPort = destination.port, from.contains(":") == to.contains(":")
        else {
            return version == .v1 ? Array("PROXY UNKNOWN\r\n".utf8) : Self.signature + [0x20, 0x00, 0x00, 0x00]
        }
        let isVersion6 = from.contains(":")
        if version == .v1 {
            return Array("PROXY TCP\(isVersion6 ? 6 : 4) \(from) \(to) \(fromPort) \(toPort)\r\n".utf8)
        }
        let addresses = Self.packed(source) + Self.packed(destination)
        let ports = [fromPort, toPort].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let length = addresses.count + ports.count
        return Self.signature + [0x21, isVersion6 ? 0x21 : 0x11, UInt8(length >> 8), UInt8(length & 0xFF)] + addresses
            + ports
    }

    private static func packed(_ address: SocketAddress) -> [UInt8] {
        guard let text = address.ipAddress else { return [] }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : []
    }
}
