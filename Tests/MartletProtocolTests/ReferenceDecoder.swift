@testable import MartletProtocol

/// A decoder that follows RFC 6455 as slowly and plainly as possible, against which ``MessageDecoder`` is checked. It
/// sees a whole stream at once, byte by byte, and has no buffers, no pieces and no speed.
struct ReferenceDecoder {
    enum Event: Equatable, CustomStringConvertible {
        case message(MessageKind, [UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(CloseFrame)
        case violation(ProtocolViolation)

        var description: String {
            switch self {
            case .message(let kind, let bytes): "message(\(kind), \(bytes.count) bytes)"
            case .ping(let bytes): "ping(\(bytes))"
            case .pong(let bytes): "pong(\(bytes))"
            case .close(let frame): "close(\(frame.code.map(String.init) ?? "-"), \(frame.reason))"
            case .violation(let violation): "violation(\(violation))"
            }
        }
    }

    let role: Role
    let limits: MessageLimits

    /// Every event of a stream. A stream may end in the middle of a frame.
    func events(_ stream: [UInt8]) -> [Event] {
        var events: [Event] = []
        var index = 0
        var message: (kind: MessageKind, bytes: [UInt8], fragments: Int)?

        func fail(_ violation: ProtocolViolation) -> [Event] { events + [.violation(violation)] }

        while true {
            // Header
            guard index + 2 <= stream.count else { return events }
            let (first, second) = (stream[index], stream[index + 1])
            if first & 0b0111_0000 != 0 { return fail(.reservedBits) }
            let code = first & 0b0000_1111
            guard [0, 1, 2, 8, 9, 10].contains(code) else { return fail(.reservedOpcode) }
            let isFinal = first >= 128
            let isControl = code >= 8
            let shortLength = Int(second & 0b0111_1111)
            if isControl && !isFinal { return fail(.fragmentedControlFrame) }
            if isControl && shortLength > 125 { return fail(.controlFrameTooLong) }
            let isMasked = second >= 128
            if role == .server && !isMasked { return fail(.unmaskedByClient) }
            if role == .client && isMasked { return fail(.maskedByServer) }
            index += 2
            var length = UInt64(shortLength)
            if shortLength >= 126 {
                let size = shortLength == 126 ? 2 : 8
                guard index + size <= stream.count else { return events }
                length = 0
                for byte in stream[index..<index + size] { length = length << 8 | UInt64(byte) }
                index += size
                if length >= 1 << 63 { return fail(.lengthSignBit) }
                if length < (size == 2 ? 126 : 65_536) { return fail(.lengthNotMinimal) }
            }
            var key: [UInt8] = [0, 0, 0, 0]
            if isMasked {
                guard index + 4 <= stream.count else { return events }
                key = Array(stream[index..<index + 4])
                index += 4
            }

            // Is it allowed now, and within the limits?
            if !isControl {
                if code == 0 && message == nil { return fail(.continuationWithoutStart) }
                if code != 0 {
                    // A new message that ends with this frame has only its size to be checked.
                    if message != nil { return fail(.messageInsideMessage) }
                    message = (code == 1 ? .text : .binary, [], 0)
                }
                message!.fragments += 1
                if message!.fragments - message!.bytes.count / 4096 > limits.maximumFragmentCount {
                    return fail(.tooManyFragments(limit: limits.maximumFragmentCount))
                }
                if Int(length) > limits.maximumMessageSize - message!.bytes.count {
                    return fail(.messageTooBig(limit: limits.maximumMessageSize))
                }
            }

            // Payload
            let available = min(Int(length), stream.count - index)
            let payload = (0..<available).map { stream[index + $0] ^ key[$0 % 4] }
            index += available
            let isComplete = available == Int(length)
            if isControl {
                guard isComplete else { return events }
                switch code {
                case 9: events.append(.ping(payload))
                case 10: events.append(.pong(payload))
                default:
                    switch CloseFrame.decode(payload) {
                    case .success(let frame): return events + [.close(frame)]
                    case .failure(let violation): return fail(violation)
                    }
                }
                continue
            }
            message!.bytes += payload
            if message!.kind == .text, !Self.mayBecomeUTF8(message!.bytes) { return fail(.textNotUTF8) }
            guard isComplete else { return events }
            if isFinal {
                if message!.kind == .text, String(validating: message!.bytes, as: UTF8.self) == nil {
                    return fail(.textNotUTF8)
                }
                events.append(.message(message!.kind, message!.bytes))
                message = nil
            }
        }
    }

    /// Whether some continuation makes these bytes well-formed: tries every one for the last character.
    static func mayBecomeUTF8(_ bytes: [UInt8]) -> Bool {
        let candidates: [[UInt8]] = [
            [], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0xA0], [0xA0, 0x80], [0x90], [0x90, 0x80],
            [0x90, 0x80, 0x80],
        ]
        return candidates.contains { String(validating: bytes.suffix(bytes.count) + $0, as: UTF8.self) != nil }
    }
}
