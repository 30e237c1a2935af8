import NIOCore
import Testing

@testable import MartletProtocol

@Suite("Message decoder")
struct MessageDecoderTests {
    typealias Event = ReferenceDecoder.Event

    static let limits = MessageLimits(maximumMessageSize: 300, maximumFragmentCount: 4)

    /// Streams with their events; every other test cuts and mutates these.
    static let cases: [(name: String, stream: [UInt8], events: [Event])] = {
        let frame = StreamBuilder.frame
        let euro = Array("€".utf8)
        return [
            ("an empty text", StreamBuilder.text(""), [.message(.text, [])]),
            (
                "the example of RFC 6455, section 5.7",
                [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
                [.message(.text, Array("Hello".utf8))]
            ),
            (
                "two messages in one read", StreamBuilder.text("a") + frame(2, [1, 2, 3], true, 0, [9, 8, 7, 6]),
                [.message(.text, [0x61]), .message(.binary, [1, 2, 3])]
            ),
            (
                "126 bytes", frame(2, [UInt8](repeating: 7, count: 126), true, 0, [1, 2, 3, 4]),
                [.message(.binary, [UInt8](repeating: 7, count: 126))]
            ),
            (
                "as long as the limit", frame(2, [UInt8](repeating: 7, count: 300), true, 0, [1, 2, 3, 4]),
                [.message(.binary, [UInt8](repeating: 7, count: 300))]
            ),
            (
                "fragments with a ping between",
                frame(1, [0x61], false, 0, [1, 2, 3, 4]) + frame(9, [5], true, 0, [1, 1, 1, 1])
                    + frame(0, [0x62], true, 0, [1, 2, 3, 4]), [.ping([5]), .message(.text, [0x61, 0x62])]
            ),
            (
                "a code point split between fragments",
                frame(1, [euro[0]], false, 0, [1, 2, 3, 4])
                    + frame(0, Array(euro[1...]), true, 0, [4, 3, 2, 1]), [.message(.text, euro)]
            ),
            (
                "empty fragments",
                frame(2, [], false, 0, [1, 2, 3, 4]) + frame(0, [], false, 0, [1, 2, 3, 4])
                    + frame(0, [], true, 0, [1, 2, 3, 4]), [.message(.binary, [])]
            ),
            ("a pong nobody asked for", frame(10, [1], true, 0, [1, 2, 3, 4]), [.pong([1])]),
            (
                "an empty close frame and data behind it",
                frame(8, [], true, 0, [1, 2, 3, 4]) + StreamBuilder.text("x"),
                [.close(.empty)]
            ),
            (
                "a close frame with a reason", frame(8, [0x03, 0xE8] + Array("bye".utf8), true, 0, [1, 2, 3, 4]),
                [.close(CloseFrame(code: .normalClosure, reason: "bye")!)]
            ),

            ("a reserved bit", frame(1, [], true, 4, [1, 2, 3, 4]), [.violation(.reservedBits)]),
            ("opcode 3", frame(3, [], true, 0, [1, 2, 3, 4]), [.violation(.reservedOpcode)]),
            ("opcode 11", frame(11, [], true, 0, [1, 2, 3, 4]), [.violation(.reservedOpcode)]),
            ("a fragmented ping", frame(9, [], false, 0, [1, 2, 3, 4]), [.violation(.fragmentedControlFrame)]),
            (
                "a ping of 126 bytes", frame(9, [UInt8](repeating: 0, count: 126), true, 0, [1, 2, 3, 4]),
                [.violation(.controlFrameTooLong)]
            ),
            ("an unmasked frame", frame(1, [], true, 0, nil), [.violation(.unmaskedByClient)]),
            ("125 bytes in 16 bits of length", [0x82, 0xFE, 0x00, 0x7D], [.violation(.lengthNotMinimal)]),
            (
                "65,535 bytes in 64 bits of length", [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
                [.violation(.lengthNotMinimal)]
            ),
            ("the sign bit of the length", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], [.violation(.lengthSignBit)]),
            (
                "2⁶³−1 bytes", [0x82, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7) + [1, 2, 3, 4],
                [.violation(.messageTooBig(limit: 300))]
            ),
            (
                "one byte above the limit", frame(2, [UInt8](repeating: 7, count: 301), true, 0, [1, 2, 3, 4]),
                [.violation(.messageTooBig(limit: 300))]
            ),
            (
                "fragments above the limit together",
                frame(2, [UInt8](repeating: 7, count: 200), false, 0, [1, 2, 3, 4])
                    + frame(0, [UInt8](repeating: 7, count: 101), true, 0, [1, 2, 3, 4]),
                [.violation(.messageTooBig(limit: 300))]
            ),
            (
                "a fragment too many",
                frame(2, [], false, 0, [1, 2, 3, 4]) + frame(0, [], false, 0, [1, 2, 3, 4])
                    + frame(0, [], false, 0, [1, 2, 3, 4]) + frame(0, [], false, 0, [1, 2, 3, 4])
                    + frame(0, [], true, 0, [1, 2, 3, 4]), [.violation(.tooManyFragments(limit: 4))]
            ),
            (
                "a continuation of nothing", frame(0, [], true, 0, [1, 2, 3, 4]),
                [.violation(.continuationWithoutStart)]
            ),
            (
                "a message inside another", frame(1, [0x61], false, 0, [1, 2, 3, 4]) + StreamBuilder.text("b"),
                [.violation(.messageInsideMessage)]
            ),
            ("a bad byte in text", frame(1, [0x61, 0xFF, 0x62], true, 0, [1, 2, 3, 4]), [.violation(.textNotUTF8)]),
            (
                "text that ends in a code point", frame(1, [0x61, 0xE2, 0x82], true, 0, [1, 2, 3, 4]),
                [.violation(.textNotUTF8)]
            ),
            (
                "a bad byte in the second fragment, the third never comes",
                frame(1, [0x61], false, 0, [1, 2, 3, 4])
                    + frame(0, [0xC0], false, 0, [1, 2, 3, 4]), [.violation(.textNotUTF8)]
            ),
            ("a close frame of one byte", frame(8, [3], true, 0, [1, 2, 3, 4]), [.violation(.closeFrameTooShort)]),
            ("close code 1005", frame(8, [0x03, 0xED], true, 0, [1, 2, 3, 4]), [.violation(.closeCodeNotAllowed)]),
            (
                "a close reason that is not UTF-8", frame(8, [0x03, 0xE8, 0xFF], true, 0, [1, 2, 3, 4]),
                [.violation(.closeReasonNotUTF8)]
            ),
        ]
    }()

    @Test("a stream gives the events it should", arguments: cases.indices)
    func table(_ index: Int) {
        let test = Self.cases[index]
        #expect(DecoderRunner.events([test.stream], limits: Self.limits) == test.events, "\(test.name)")
    }

    @Test("the events do not depend on where the stream is cut in two", arguments: cases.indices)
    func cutInTwo(_ index: Int) {
        let test = Self.cases[index]
        for cut in 0...test.stream.count {
            let pieces = [Array(test.stream[..<cut]), Array(test.stream[cut...])]
            #expect(DecoderRunner.events(pieces, limits: Self.limits) == test.events, "\(test.name), cut at \(cut)")
        }
    }

    @Test("the events are the same when the bytes come one by one", arguments: cases.indices)
    func byteByByte(_ index: Int) {
        let test = Self.cases[index]
        #expect(DecoderRunner.events(test.stream.map { [$0] }, limits: Self.limits) == test.events, "\(test.name)")
    }

    @Test("the reference implementation agrees with the table", arguments: cases.indices)
    func reference(_ index: Int) {
        let test = Self.cases[index]
        #expect(ReferenceDecoder(role: .server, limits: Self.limits).events(test.stream) == test.events, "\(test.name)")
    }

    @Test(
        "random streams, whole, mutated and cut at random, give the events of the reference implementation",
        arguments: 0..<40)
    func random(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<150 {
            let role: Role = Bool.random(using: &random) ? .server : .client
            var stream = RandomStream.make(role: role, using: &random)
            for _ in 0..<Int.random(in: 0...2, using: &random) where !stream.isEmpty {
                stream[Int.random(in: 0..<stream.count, using: &random)] = UInt8.random(
                    in: .min ... .max, using: &random)
            }
            let expected = ReferenceDecoder(role: role, limits: Self.limits).events(stream)
            var pieces: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...max(1, min(rest.count, 90)), using: &random)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(
                DecoderRunner.events(pieces, role: role, limits: Self.limits) == expected, "seed \(seed): \(stream)")
            #expect(
                DecoderRunner.events([stream], role: role, limits: Self.limits) == expected,
                "seed \(seed), whole: \(stream)")
            #expect(
                DecoderRunner.events(pieces, role: role, limits: Self.limits, delivery: .parts) == expected,
                "seed \(seed), part by part: \(stream)")
        }
    }

    @Test("a header that promises a gigabyte takes no memory before the bytes come")
    func promise() {
        var decoder = MessageDecoder(role: .server, limits: .init(maximumMessageSize: 2 << 30))
        var header: [UInt8] = [0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]
        header.withUnsafeMutableBytes { bytes in
            var consumed = 0
            #expect(decoder.next(in: bytes, consumed: &consumed) == .needMoreData)
        }
        let message = decoder.takeAssembled()
        #expect(message.capacity <= 128 * 1024)
    }
}
