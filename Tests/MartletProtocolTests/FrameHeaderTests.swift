import Testing

@testable import MartletProtocol

@Suite("Frame header")
struct FrameHeaderTests {
    @Test("what is written is read, at every border of the length, in both roles")
    func roundTrip() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 40, Int.max] {
            for key in [nil, 0xAABB_CCDD] as [UInt32?] {
                let header = FrameHeader(opcode: .binary, payloadLength: length, maskingKey: key)
                var bytes = [UInt8](repeating: 0, count: FrameHeader.maximumLength)
                let written = bytes.withUnsafeMutableBytes { header.encode(to: $0) }
                #expect(written == header.encodedLength)
                let role: Role = key == nil ? .client : .server
                for count in 0..<written {
                    #expect(bytes[..<count].withUnsafeBytes { FrameHeader.decode($0, role: role) } == .needMoreData)
                }
                #expect(
                    bytes[..<written].withUnsafeBytes { FrameHeader.decode($0, role: role) }
                        == .header(header, length: written))
            }
        }
    }

    @Test("the smallest frames are those of RFC 6455, section 5.7")
    func examples() {
        var bytes = [UInt8](repeating: 0, count: 14)
        let header = FrameHeader(isFinal: false, opcode: .text, payloadLength: 3)
        let written = bytes.withUnsafeMutableBytes { header.encode(to: $0) }
        #expect(written == 2)
        #expect(bytes[..<2] == [0x01, 0x03])
    }

    @Test("a violation is found in the first two bytes")
    func earlyViolations() {
        func decode(_ bytes: [UInt8], _ role: Role) -> FrameHeader.DecodingResult {
            bytes.withUnsafeBytes { FrameHeader.decode($0, role: role) }
        }
        #expect(decode([0xC1, 0xFF], .server) == .violation(.reservedBits))
        #expect(decode([0x83, 0xFF], .server) == .violation(.reservedOpcode))
        #expect(decode([0x89, 0xFE], .server) == .violation(.controlFrameTooLong))
        #expect(decode([0x09, 0x80], .server) == .violation(.fragmentedControlFrame))
        #expect(decode([0x81, 0x7F], .server) == .violation(.unmaskedByClient))
        #expect(decode([0x81, 0xFF], .client) == .violation(.maskedByServer))
    }
}
