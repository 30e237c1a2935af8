import NIOCore
import Testing

@testable import MartletProxy

@Suite("PROXY protocol")
struct ProxyProtocolTests {
    private static func header(_ from: String, _ to: String) throws -> ProxyProtocolHeader {
        ProxyProtocolHeader(
            source: try SocketAddress(ipAddress: from, port: 56_324),
            destination: try SocketAddress(ipAddress: to, port: 443))
    }

    @Test("version 1 is written as the specification shows it")
    func version1() throws {
        let header = try Self.header("192.0.2.1", "198.51.100.2")
        #expect(header.encoded(.v1) == Array("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n".utf8))
        #expect(ProxyProtocolHeader().encoded(.v1) == Array("PROXY UNKNOWN\r\n".utf8))
    }

    @Test("what is written is read, in both versions, cut anywhere")
    func roundTrip() throws {
        for (from, to) in [("192.0.2.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::2")] {
            let header = try Self.header(from, to)
            for version in [UpstreamConfiguration.ProxyProtocolVersion.v1, .v2] {
                let bytes = header.encoded(version)
                #expect(ProxyProtocolHeader.decode(bytes + Array("GET".utf8)) == .header(header, length: bytes.count))
                for count in 0..<bytes.count {
                    #expect(ProxyProtocolHeader.decode(bytes[..<count]) == .needMoreData)
                }
            }
        }
    }

    @Test("a connection of the balancer's own has no addresses")
    func local() {
        let bytes = ProxyProtocolHeader().encoded(.v2)
        #expect(ProxyProtocolHeader.decode(bytes) == .header(.init(), length: 16))
    }

    @Test(
        "anything else is malformed",
        arguments: [
            "GET / HTTP/1.1\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 70000\r\n", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4 a b 1 2\r\n",
            "PROXY " + String(repeating: "x", count: 120), "\r\n\r\nGET",
        ])
    func malformed(text: String) {
        #expect(ProxyProtocolHeader.decode(Array(text.utf8)) == .malformed)
    }

    @Test("a version 2 header of a wrong version, command or length is malformed")
    func malformedVersion2() {
        for tail: [UInt8] in [[0x31, 0x11, 0, 12], [0x22, 0x11, 0, 12], [0x21, 0x11, 0xFF, 0xFF]] {
            #expect(ProxyProtocolHeader.decode(ProxyProtocolHeader.signature + tail) == .malformed)
        }
        let short = ProxyProtocolHeader.signature + [0x21, 0x11, 0, 4, 1, 2, 3, 4]
        #expect(ProxyProtocolHeader.decode(short) == .malformed)
    }
}
