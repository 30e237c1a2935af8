import NIOCore
import Testing

@testable import MartletProtocol

/// Builds frames as bytes, valid or not.
enum StreamBuilder {
    static func frame(
        _ code: UInt8,
        _ payload: [UInt8] = [],
        isFinal: Bool = true,
        reservedBits: UInt8 = 0,
        key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reservedBits << 4 | code]
        let mask: UInt8 = key == nil ? 0 : 0x80
        if payload.count < 126 {
            bytes.append(mask | UInt8(payload.count))
        } else if payload.count < 65_536 {
            bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        } else {
            bytes.append(mask | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard let key else { return bytes + payload }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    static func text(_ text: String, isFinal: Bool = true) -> [UInt8] {
        self.frame(1, Array(text.utf8), isFinal: isFinal)
    }
}

/// Feeds a decoder and gathers its events.
enum DecoderRunner {
    /// - Parameter pieces: the stream, cut as the network cut it.
    static func events(
        _ pieces: [[UInt8]], role: Role = .server, limits: MessageLimits = .init(),
        delivery: MessageDecoder.Delivery = .whole, compression: DeflateParameters? = nil
    ) -> [ReferenceDecoder.Event] {
        var decoder = MessageDecoder(role: role, limits: limits, delivery: delivery, compression: compression)
        var parts: [UInt8]?
        func add(_ part: MessagePart, _ bytes: [UInt8]) {
            #expect(part.isFirst == (parts == nil))
            #expect(bytes.count <= MessageDecoder.maximumPartSize || compression == nil)
            parts = (parts ?? []) + bytes
            if part.isLast {
                events.append(.message(part.kind, parts ?? []))
                parts = nil
            }
        }
        var events: [ReferenceDecoder.Event] = []
        for piece in pieces {
            var piece = piece
            piece.withUnsafeMutableBytes { bytes in
                var consumed = 0
                while true {
                    switch decoder.next(in: bytes, consumed: &consumed) {
                    case .needMoreData: return
                    case .message(let kind, let range): events.append(.message(kind, Array(bytes[range])))
                    case .assembledMessage(let kind):
                        events.append(.message(kind, Array(decoder.takeAssembled().readableBytesView)))
                    case .part(let part, let range): add(part, Array(bytes[range]))
                    case .assembledPart(let part): add(part, Array(decoder.takeAssembled().readableBytesView))
                    case .ping: events.append(.ping(decoder.controlPayload))
                    case .pong: events.append(.pong(decoder.controlPayload))
                    case .close(let frame): events.append(.close(frame))
                    case .violation(let violation): events.append(.violation(violation))
                    }
                }
            }
        }
        return events
    }
}
