import MartletProtocol
import NIOCore

/// Frames, in both roles: however the bytes are cut into pieces, the messages are the same.
///
/// First byte: bit 0 the role, bit 1 compression, bit 2 no context takeover. Second byte: how the bytes are cut.
enum FramesTarget {
    private enum Entry: Hashable {
        case message(MessageKind, [UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(CloseFrame)
        case violation
    }

    static func run(_ input: inout FuzzInput) {
        let flags = input.byte()
        let seed = input.byte()
        let bytes = input.rest()
        let whole = Self.decode(FuzzInput.pieces(of: bytes, seed: 0), flags, .whole)
        let pieces = FuzzInput.pieces(of: bytes, seed: seed | 1)
        FuzzTarget.check(Self.decode(pieces, flags, .whole) == whole, "the messages depend on the pieces")
        FuzzTarget.check(Self.decode(pieces, flags, .parts) == whole, "the messages depend on how they are delivered")
        FuzzTarget.check(
            Self.decode([bytes[...]], flags, .parts) == whole, "the messages depend on how they are delivered")
    }

    private static func decode(
        _ pieces: [ArraySlice<UInt8>], _ flags: UInt8, _ delivery: MessageDecoder.Delivery
    ) -> [Entry] {
        var parameters = DeflateParameters()
        parameters.clientNoContextTakeover = flags & 4 != 0
        parameters.serverNoContextTakeover = flags & 4 != 0
        var decoder = MessageDecoder(
            role: flags & 1 == 0 ? .server : .client,
            limits: MessageLimits(maximumMessageSize: 65_536, maximumFragmentCount: 8), delivery: delivery,
            compression: flags & 2 == 0 ? nil : parameters)
        defer { decoder.end() }
        var entries: [Entry] = []
        var message: [UInt8] = []
        for piece in pieces {
            var bytes = Array(piece)
            bytes.withUnsafeMutableBytes { bytes in
                var consumed = 0
                var eventCount = 0
                while true {
                    eventCount += 1
                    // Each event takes a byte at least, or hands out a part of an inflated message.
                    FuzzTarget.check(eventCount < 1_000_000, "the decoder goes round in circles")
                    let before = consumed
                    let event = decoder.next(in: bytes, consumed: &consumed)
                    FuzzTarget.check(consumed >= before && consumed <= bytes.count, "bytes were made up")
                    switch event {
                    case .needMoreData:
                        FuzzTarget.check(consumed == bytes.count, "bytes were left behind")
                        return
                    case .message(let kind, let range): entries.append(.message(kind, Array(bytes[range])))
                    case .assembledMessage(let kind):
                        entries.append(.message(kind, Array(decoder.takeAssembled().readableBytesView)))
                    case .part(let part, let range):
                        message += bytes[range]
                        if part.isLast { entries.append(.message(part.kind, message)) }
                        if part.isLast { message = [] }
                    case .assembledPart(let part):
                        message += decoder.takeAssembled().readableBytesView
                        if part.isLast { entries.append(.message(part.kind, message)) }
                        if part.isLast { message = [] }
                    case .ping: entries.append(.ping(decoder.controlPayload))
                    case .pong: entries.append(.pong(decoder.controlPayload))
                    case .close(let frame): entries.append(.close(frame))
                    case .violation: entries.append(.violation)
                    }
                }
            }
        }
        return entries
    }
}
