import MartletProtocol
import Testing

@testable import MartletProxy

@Suite("Tunnels")
struct TunnelTests {
    private static let second: Int64 = 1_000_000_000

    /// A tunnel between two recording legs, at the time 0.
    private final class Setup {
        let client = RecordingLeg()
        let upstream = RecordingLeg()
        var summaries: [TunnelSummary] = []
        let policy: TunnelPolicy
        private(set) lazy var tunnel = Tunnel(
            client: self.client, upstream: self.upstream, policy: self.policy, isCompressed: false, now: 0
        ) { [unowned self] in self.summaries.append($0) }

        init(_ policy: TunnelPolicy = .init()) {
            self.policy = policy
            _ = self.tunnel
        }

        func receive(_ bytes: [UInt8], from side: TunnelSide, now: Int64 = 0) {
            bytes.withUnsafeBytes { self.tunnel.received($0, from: side, now: now) }
        }
    }

    private static func frame(
        _ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, key: UInt32? = nil
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: FrameHeader.maximumLength)
        let length = header.withUnsafeMutableBytes {
            FrameHeader(isFinal: isFinal, opcode: opcode, payloadLength: payload.count, maskingKey: key).encode(to: $0)
        }
        let masked = payload.enumerated().map { index, byte in
            byte ^ UInt8(truncatingIfNeeded: (key ?? 0) >> (8 * UInt32(index % 4)))
        }
        return header[..<length] + masked
    }

    private static func masked(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        self.frame(opcode, payload, isFinal: isFinal, key: 0xA1B2_C3D4)
    }

    /// The frames that a side got, unmasked.
    private static func frames(_ bytes: [UInt8], role: Role) throws -> [(Opcode, [UInt8])] {
        var frames: [(Opcode, [UInt8])] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let decoded = Array(rest).withUnsafeBytes { FrameHeader.decode($0, role: role, allowsCompression: true) }
            guard case .header(let header, let length) = decoded else {
                Issue.record("not a frame: \(decoded)")
                break
            }
            let payload = rest.dropFirst(length).prefix(header.payloadLength)
            frames.append(
                (
                    header.opcode,
                    payload.enumerated().map { index, byte in
                        byte ^ UInt8(truncatingIfNeeded: (header.maskingKey ?? 0) >> (8 * UInt32(index % 4)))
                    }
                ))
            rest = rest.dropFirst(length + header.payloadLength)
        }
        return frames
    }

    @Test("bytes go through untouched in both directions, wherever they are cut")
    func untouched() {
        let fromClient =
            Self.masked(.text, Array("hello".utf8)) + Self.masked(.binary, .init(repeating: 7, count: 300))
            + Self.masked(.ping, [1, 2, 3]) + Self.masked(.binary, .init(repeating: 9, count: 70_000))
        let fromUpstream = Self.frame(.text, Array("you".utf8)) + Self.frame(.binary, .init(repeating: 1, count: 200))
        for cut in Array(0...40) + [400, 1000, 69_000] {
            let setup = Setup()
            setup.receive(Array(fromClient[..<cut]), from: .client)
            setup.receive(Array(fromClient[cut...]), from: .client)
            let half = min(cut, fromUpstream.count)
            setup.receive(Array(fromUpstream[..<half]), from: .upstream)
            setup.receive(Array(fromUpstream[half...]), from: .upstream)
            #expect(setup.upstream.sent == fromClient)
            #expect(setup.client.sent == fromUpstream)
        }
    }

    @Test("messages and the close code are counted, also when every byte comes alone")
    func counting() {
        let setup = Setup()
        let bytes =
            Self.masked(.text, [65], isFinal: false) + Self.masked(.ping, []) + Self.masked(.continuation, [66])
            + Self.masked(.binary, []) + Self.masked(.close, [0x0F, 0xA1])
        for byte in bytes { setup.receive([byte], from: .client) }
        setup.receive(Self.frame(.close, [0x0F, 0xA1]), from: .upstream)
        setup.tunnel.inputEnded(.upstream)
        setup.tunnel.inputEnded(.client)
        #expect(setup.upstream.sent == bytes)
        #expect(setup.summaries.count == 1)
        #expect(setup.summaries[0].messagesFromClient == 2)
        #expect(setup.summaries[0].closeCode == 4001)
        #expect(setup.summaries[0].bytesFromClient == bytes.count)
        #expect(setup.summaries[0].end == .finished)
        #expect(setup.client.isClosed && setup.upstream.isClosed)
    }

    @Test("one half's end is passed on, the other half goes on")
    func halfClose() {
        let setup = Setup()
        setup.tunnel.inputEnded(.client)
        #expect(setup.upstream.hasEndedOutput && !setup.client.isClosed)
        setup.receive(Self.frame(.text, [65]), from: .upstream)
        #expect(setup.client.sent == Self.frame(.text, [65]))
        setup.tunnel.inputEnded(.upstream)
        #expect(setup.client.isClosed && setup.upstream.isClosed && setup.summaries.count == 1)
    }

    @Test("a part of a header that waits is passed on before the end of its half")
    func carriedEnd() {
        let setup = Setup()
        setup.receive([0x81], from: .client)
        #expect(setup.upstream.sent.isEmpty)
        setup.tunnel.inputEnded(.client)
        #expect(setup.upstream.sent == [0x81] && setup.upstream.hasEndedOutput)
    }

    @Test("a reset on one side is a reset on the other")
    func reset() {
        let setup = Setup()
        setup.tunnel.failed(.upstream)
        #expect(setup.client.isAborted && setup.upstream.isAborted)
        #expect(setup.summaries.map(\.end) == [.upstreamReset])
    }

    @Test("a sender is not read while its receiver is backed up")
    func backpressure() {
        let setup = Setup()
        setup.upstream.isBackedUp = true
        setup.receive(Self.masked(.text, [65]), from: .client)
        #expect(!setup.client.isReading && setup.upstream.isReading)
        setup.upstream.isBackedUp = false
        setup.tunnel.writable(.upstream)
        #expect(setup.client.isReading)
    }

    @Test("bytes that are no frames go through when nothing is limited")
    func notFrames() {
        let setup = Setup()
        let bytes = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        setup.receive(bytes, from: .client)
        setup.receive(bytes, from: .upstream)
        #expect(setup.upstream.sent == bytes && setup.client.sent == bytes)
    }

    @Test("draining puts 1001 into both directions, behind the frame that is under way")
    func drain() throws {
        let setup = Setup()
        let message = Self.frame(.binary, .init(repeating: 3, count: 500))
        setup.receive(Array(message[..<100]), from: .upstream)
        setup.tunnel.drain(now: 0)
        #expect(setup.client.taken() == Array(message[..<100]))
        let toUpstream = try Self.frames(setup.upstream.taken(), role: .server)
        #expect(toUpstream.count == 1 && toUpstream[0].0 == .close)
        #expect(toUpstream[0].1.prefix(2) == [0x03, 0xE9])
        #expect(setup.upstream.hasEndedOutput && !setup.client.hasEndedOutput)
        setup.receive(Array(message[100...]) + Self.frame(.text, [65]), from: .upstream)
        let rest = setup.client.taken()
        #expect(rest.prefix(message.count - 100).elementsEqual(message[100...]))
        let toClient = try Self.frames(Array(rest.dropFirst(message.count - 100)), role: .client)
        #expect(toClient.count == 1 && toClient[0].0 == .close && toClient[0].1.prefix(2) == [0x03, 0xE9])
        #expect(setup.client.hasEndedOutput)
        setup.receive(Self.masked(.close, [0x03, 0xE9]), from: .client)
        #expect(setup.upstream.taken().isEmpty)
        setup.tunnel.inputEnded(.client)
        setup.tunnel.inputEnded(.upstream)
        #expect(setup.summaries.map(\.end) == [.drained] && setup.summaries[0].closeCode == 1001)
    }

    @Test("a tunnel that does not end after our close frame is cut off")
    func closeTimeout() {
        let setup = Setup()
        setup.tunnel.drain(now: 0)
        setup.tunnel.tick(now: 4 * Self.second)
        #expect(!setup.client.isAborted)
        setup.tunnel.tick(now: 5 * Self.second)
        #expect(setup.client.isAborted && setup.upstream.isAborted && setup.summaries.count == 1)
    }

    @Test(
        "a tunnel whose other half stays open and says nothing ends after 30 s",
        arguments: [TunnelSide.client, .upstream])
    func halfClosed(side: TunnelSide) {
        let setup = Setup()
        setup.tunnel.inputEnded(side)
        setup.tunnel.tick(now: 1 * Self.second)
        let frame = side == .client ? Self.frame(.text, [1]) : Self.masked(.text, [1])
        setup.receive(frame, from: side.other, now: 20 * Self.second)
        setup.tunnel.tick(now: 49 * Self.second)
        #expect(!setup.client.isAborted && setup.summaries.isEmpty)
        setup.tunnel.tick(now: 50 * Self.second)
        #expect(setup.client.isAborted && setup.upstream.isAborted && setup.summaries.count == 1)
    }

    @Test("a message beyond the limit is not passed on; both sides get 1009")
    func messageTooBig() throws {
        let setup = Setup(.init(maximumMessageSize: 100))
        let fits = Self.masked(.text, .init(repeating: 65, count: 60), isFinal: false)
        setup.receive(fits + Self.masked(.continuation, .init(repeating: 65, count: 41)), from: .client)
        let toUpstream = setup.upstream.taken()
        #expect(toUpstream.prefix(fits.count).elementsEqual(fits))
        let frames = try Self.frames(Array(toUpstream.dropFirst(fits.count)), role: .server)
        #expect(frames.count == 1 && frames[0].0 == .close && frames[0].1.prefix(2) == [0x03, 0xF1])
        let toClient = try Self.frames(setup.client.taken(), role: .client)
        #expect(toClient.count == 1 && toClient[0].1.prefix(2) == [0x03, 0xF1])
    }

    @Test("messages beyond the rate end the tunnel with 1008, a burst does not")
    func messageRate() throws {
        let setup = Setup(.init(messageRate: 10, messageBurst: 3))
        let message = Self.masked(.text, [65])
        setup.receive(message + message + message, from: .client)
        #expect(setup.upstream.taken() == message + message + message)
        setup.receive(message, from: .client, now: Self.second / 10)
        #expect(setup.upstream.taken() == message)
        setup.receive(message, from: .client, now: Self.second / 10)
        let frames = try Self.frames(setup.client.taken(), role: .client)
        #expect(frames.count == 1 && frames[0].0 == .close && frames[0].1.prefix(2) == [0x03, 0xF0])
    }

    @Test("a violation reaches the upstream, what follows it does not, and without an answer both get 1002")
    func violation() throws {
        let setup = Setup(.init(maximumMessageSize: 1000))
        let good = Self.masked(.text, [65])
        let bad: [UInt8] = [0x83, 0x80, 1, 2, 3, 4]
        setup.receive(good + bad + Self.masked(.text, .init(repeating: 66, count: 100)), from: .client)
        let passed = setup.upstream.taken()
        #expect(passed.prefix(good.count + bad.count).elementsEqual(good + bad))
        #expect(passed.count <= good.count + FrameHeader.maximumLength)
        setup.receive(good, from: .client)
        #expect(setup.upstream.taken().isEmpty)
        setup.tunnel.tick(now: 5 * Self.second)
        let frames = try Self.frames(setup.client.taken(), role: .client)
        #expect(frames.count == 1 && frames[0].1.prefix(2) == [0x03, 0xEA])
    }

    @Test("a silent client is pinged, at a frame's border, and cut off when it stays silent")
    func keepAlive() throws {
        let policy = TunnelPolicy(pingInterval: 10 * Self.second, pingTimeout: 5 * Self.second)
        let setup = Setup(policy)
        let message = Self.frame(.binary, [1, 2, 3, 4])
        setup.receive(Array(message[..<4]), from: .upstream)
        setup.tunnel.tick(now: 10 * Self.second)
        #expect(setup.client.taken() == Array(message[..<4]))
        setup.receive(Array(message[4...]), from: .upstream)
        setup.tunnel.tick(now: 11 * Self.second)
        let ping = try Self.frames(Array(setup.client.taken().dropFirst(2)), role: .client)
        #expect(ping.map(\.0) == [.ping])
        setup.receive(Self.masked(.pong, ping[0].1), from: .client, now: 12 * Self.second)
        setup.tunnel.tick(now: 17 * Self.second)
        #expect(!setup.client.isAborted)
        setup.tunnel.tick(now: 22 * Self.second)
        setup.tunnel.tick(now: 27 * Self.second)
        #expect(setup.client.isAborted && setup.summaries.map(\.end) == [.clientDead])
    }

    @Test("a tunnel without a byte for the idle timeout is closed with 1001")
    func idle() throws {
        let setup = Setup(.init(idleTimeout: 10 * Self.second))
        setup.receive(Self.frame(.text, [65]), from: .upstream, now: 5 * Self.second)
        setup.tunnel.tick(now: 14 * Self.second)
        #expect(!setup.client.hasEndedOutput)
        setup.tunnel.tick(now: 15 * Self.second)
        let frames = try Self.frames(Array(setup.client.taken().dropFirst(3)), role: .client)
        #expect(frames.count == 1 && frames[0].1.prefix(2) == [0x03, 0xE9])
    }

    @Test("both connections end only when what waits for them has left")
    func lastBytes() {
        let setup = Setup()
        setup.client.isBackedUp = true
        setup.tunnel.inputEnded(.upstream)
        setup.tunnel.inputEnded(.client)
        #expect(!setup.client.isClosed)
        setup.client.isBackedUp = false
        setup.tunnel.writable(.client)
        #expect(setup.client.isClosed && setup.upstream.isClosed)
    }
}
