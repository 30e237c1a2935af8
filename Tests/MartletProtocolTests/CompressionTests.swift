import NIOCore
import Testing

@testable import MartletProtocol

@Suite("permessage-deflate")
struct CompressionTests {
    typealias Event = ReferenceDecoder.Event

    /// Frames of a client that compresses.
    private struct Sender {
        var compressor: MessageCompressor
        var random = SeededGenerator(seed: 1)

        init(_ parameters: DeflateParameters, role: Role = .client, threshold: Int = 0) {
            var configuration = CompressionConfiguration()
            configuration.threshold = threshold
            self.compressor = MessageCompressor(
                role: role, parameters: parameters, configuration: configuration, contexts: CompressionContexts())
        }

        /// A message in frames of random lengths.
        mutating func message(_ kind: MessageKind, _ payload: [UInt8], fragments: Bool = false) -> [UInt8] {
            var bytes = ByteBuffer()
            let isCompressed = payload.withUnsafeBytes { self.compressor.compress($0, into: &bytes) }
            var rest = isCompressed ? Array(bytes.readableBytesView)[...] : payload[...]
            var frames: [UInt8] = []
            var isFirst = true
            repeat {
                let count = fragments ? Int.random(in: 0...max(1, rest.count), using: &self.random) : rest.count
                let piece = rest.prefix(count)
                rest = rest.dropFirst(count)
                frames += StreamBuilder.frame(
                    isFirst ? kind.opcode.rawValue : 0, Array(piece), isFinal: rest.isEmpty,
                    reservedBits: isFirst && isCompressed ? 4 : 0)
                isFirst = false
            } while !rest.isEmpty
            return frames
        }
    }

    static func words(_ count: Int, using random: inout SeededGenerator) -> [UInt8] {
        let words = ["alpha ", "beta ", "gamma ", "{\"price\":", "12.5}", "größe ", "😀 ", "\n"]
        var text: [UInt8] = []
        while text.count < count { text += Array(words.randomElement(using: &random)!.utf8) }
        return text
    }

    @Test("what is compressed comes out as it was, for every window, with and without context takeover")
    func roundTrip() {
        var random = SeededGenerator(seed: 7)
        for bits in 8...15 {
            for noContextTakeover in [false, true] {
                var parameters = DeflateParameters()
                parameters.clientMaximumWindowBits = bits
                parameters.clientNoContextTakeover = noContextTakeover
                var sender = Sender(parameters)
                var stream: [UInt8] = []
                var expected: [Event] = []
                for length in [0, 1, 5, 126, 300, 1000, 5000, 70_000, 0, 200_000, 3] {
                    let text = Self.words(length, using: &random)
                    let noise = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
                    stream += sender.message(.text, text, fragments: true)
                    stream += StreamBuilder.frame(9, [1, 2])
                    stream += sender.message(.binary, noise)
                    expected += [.message(.text, text), .ping([1, 2]), .message(.binary, noise)]
                }
                for delivery in [MessageDecoder.Delivery.whole, .parts] {
                    let whole = DecoderRunner.events([stream], delivery: delivery, compression: parameters)
                    #expect(whole == expected, "\(bits) bits, \(delivery)")
                    var pieces: [[UInt8]] = []
                    var rest = stream[...]
                    while !rest.isEmpty {
                        let count = Int.random(in: 1...4000, using: &random)
                        pieces.append(Array(rest.prefix(count)))
                        rest = rest.dropFirst(count)
                    }
                    let cut = DecoderRunner.events(pieces, delivery: delivery, compression: parameters)
                    #expect(cut == expected, "\(bits) bits, \(delivery), in pieces")
                }
            }
        }
    }

    @Test("a window of 256 bytes is never left, although zlib takes 512")
    func smallestWindow() {
        var random = SeededGenerator(seed: 3)
        let pattern = (0..<251).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let payload = (0..<200).flatMap { _ in pattern } + Self.words(20_000, using: &random)
        for level in 1...9 {
            let deflater = Deflater(windowBits: 8, level: level)
            var compressed = ByteBuffer()
            payload.withUnsafeBytes { deflater.compress($0, isLast: true, into: &compressed) }
            compressed.writeBytes(Deflater.tail)
            // One byte of output at a time, so that every distance is looked up in the window.
            let inflater = Inflater(windowBits: 8)
            var output = ByteBuffer()
            compressed.withUnsafeReadableBytes { bytes in
                var taken = 0
                while true {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
                    let result = inflater.inflate(rest, into: &output, maximumOutput: 1)
                    taken += result.taken
                    #expect(result.status != .corrupt)
                    if result.status != .outputFull { break }
                }
            }
            #expect(Array(output.readableBytesView) == payload, "level \(level)")
        }
    }

    @Test("the examples of RFC 7692, section 7.2.3")
    func examples() {
        let hello = Event.message(.text, Array("Hello".utf8))
        let key: [UInt8] = [0, 0, 0, 0]
        let once: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let compressed = StreamBuilder.frame(1, once, reservedBits: 4, key: key)
        let fragments =
            StreamBuilder.frame(1, Array(once[..<3]), isFinal: false, reservedBits: 4, key: key)
            + StreamBuilder.frame(0, Array(once[3...]), key: key)
        let again = StreamBuilder.frame(1, [0xF2, 0x00, 0x11, 0x00, 0x00], reservedBits: 4, key: key)
        let stored = StreamBuilder.frame(
            1, [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], reservedBits: 4, key: key)
        let final = StreamBuilder.frame(
            1, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], reservedBits: 4, key: key)
        let two = StreamBuilder.frame(
            1, [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], reservedBits: 4,
            key: key)
        for delivery in [MessageDecoder.Delivery.whole, .parts] {
            for stream in [compressed, fragments, compressed + again, stored, final, final + again, two, two + again] {
                let events = DecoderRunner.events([stream], delivery: delivery, compression: .init())
                #expect(events.allSatisfy { $0 == hello } && !events.isEmpty, "\(stream)")
                let isPair = [compressed + again, final + again, two + again].contains(stream)
                #expect(events.count == (isPair ? 2 : 1))
                #expect(
                    DecoderRunner.events(stream.map { [$0] }, delivery: delivery, compression: .init()) == events)
            }
        }
    }

    @Test("a deflate bomb is stopped at the limit")
    func bomb() {
        let deflater = Deflater(windowBits: 15, level: 9)
        var bomb = ByteBuffer()
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for index in 0..<64 { zeros.withUnsafeBytes { deflater.compress($0, isLast: index == 63, into: &bomb) } }
        let stream = StreamBuilder.frame(2, Array(bomb.readableBytesView), reservedBits: 4)
        #expect(stream.count < 100_000)
        let limits = MessageLimits(maximumMessageSize: 1 << 20)
        for delivery in [MessageDecoder.Delivery.whole, .parts] {
            let events = DecoderRunner.events([stream], limits: limits, delivery: delivery, compression: .init())
            #expect(events == [.violation(.messageTooBig(limit: 1 << 20))])
        }
        var decoder = MessageDecoder(role: .server, limits: limits, compression: .init())
        var bytes = stream
        var most = 0
        bytes.withUnsafeMutableBytes { bytes in
            var consumed = 0
            _ = decoder.next(in: bytes, consumed: &consumed)
            most = decoder.assembled.capacity
        }
        #expect(most <= 1 << 20)
    }

    @Test("a message as long as the limit passes, one byte more does not", arguments: [0, 1, 100, 65_536, 65_537])
    func limit(_ limit: Int) {
        let limits = MessageLimits(maximumMessageSize: limit)
        for delivery in [MessageDecoder.Delivery.whole, .parts] {
            for excess in 0...1 {
                let payload = [UInt8](repeating: 7, count: limit + excess)
                let deflater = Deflater(windowBits: 15)
                var bytes = ByteBuffer()
                payload.withUnsafeBytes { deflater.compress($0, isLast: true, into: &bytes) }
                let stream = StreamBuilder.frame(2, Array(bytes.readableBytesView), reservedBits: 4)
                let events = DecoderRunner.events([stream], limits: limits, delivery: delivery, compression: .init())
                #expect(
                    events == (excess == 0 ? [.message(.binary, payload)] : [.violation(.messageTooBig(limit: limit))]))
            }
        }
    }

    @Test("invalid deflate data fails with 1007, text that is not UTF-8 too")
    func corrupt() {
        let stream = StreamBuilder.frame(2, [0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x02], reservedBits: 4)
        #expect(DecoderRunner.events([stream], compression: .init()) == [.violation(.compressedDataCorrupt)])
        var sender = Sender(DeflateParameters())
        let bad = sender.message(.text, [0x61, 0x62, 0xFF, 0x63])
        #expect(DecoderRunner.events([bad], compression: .init()) == [.violation(.textNotUTF8)])
        var other = Sender(DeflateParameters())
        let cut = other.message(.text, Array("abc€".utf8.dropLast()))
        #expect(DecoderRunner.events([cut], compression: .init()) == [.violation(.textNotUTF8)])
    }

    @Test("RSV1 belongs to the first frame of a message, and only where compression was agreed on")
    func reservedBit() {
        let text = StreamBuilder.frame(1, [0x00], reservedBits: 4)
        #expect(DecoderRunner.events([text]) == [.violation(.reservedBits)])
        #expect(DecoderRunner.events([text], compression: .init()) == [.message(.text, [])])
        let ping = StreamBuilder.frame(9, [], reservedBits: 4)
        #expect(DecoderRunner.events([ping], compression: .init()) == [.violation(.reservedBits)])
        let continuation =
            StreamBuilder.frame(1, [0x61], isFinal: false) + StreamBuilder.frame(0, [0x62], reservedBits: 4)
        #expect(DecoderRunner.events([continuation], compression: .init()) == [.violation(.reservedBits)])
        for bits: UInt8 in [1, 2, 5, 6] {
            let frame = StreamBuilder.frame(1, [], reservedBits: bits)
            #expect(DecoderRunner.events([frame], compression: .init()) == [.violation(.reservedBits)])
        }
    }

    @Test("random bytes in compressed frames crash nothing", arguments: 0..<20)
    func noise(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<50 {
            var sender = Sender(DeflateParameters())
            var stream = sender.message(.binary, Self.words(Int.random(in: 0...3000, using: &random), using: &random))
            stream += sender.message(.text, Self.words(500, using: &random), fragments: true)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                stream[Int.random(in: 0..<stream.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            let whole = DecoderRunner.events([stream], compression: .init())
            let cut = DecoderRunner.events(stream.map { [$0] }, delivery: .parts, compression: .init())
            #expect(whole == cut, "seed \(seed)")
        }
    }
}
