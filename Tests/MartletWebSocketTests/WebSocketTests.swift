import MartletProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletWebSocket

@Suite("Event-loop tier")
struct WebSocketTests {
    @Test("sixteen messages in one read are answered in one write")
    func oneWriteForOneRead() throws {
        let peer = try Peer(.echoing())
        try peer.receive(
            Peer.frame(.ping), (0..<16).reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(Peer.text("m\($1)")) })
        let writes = try peer.writes()
        #expect(writes.count == 1)
        #expect(peer.handler.messages.count == 16)
    }

    @Test("what is sent outside a read goes out at once")
    func sendOutsideRead() throws {
        let peer = try Peer()
        #expect(peer.socket.send(text: "now") == .sent)
        #expect(try peer.texts() == ["now"])
        #expect(peer.socket.bufferedAmount == 0)
    }

    @Test("a handler that writes to another connection in the middle of its own output mixes nothing up")
    func writesToAnother() throws {
        let other = try Peer()
        let handler = RecordingHandler()
        handler.onMessage = { socket, _, _ in
            socket.send(text: "before")
            other.socket.send(text: "for the other")
            socket.send(text: "after")
        }
        let peer = try Peer(handler, loop: other.socket.loop)
        try peer.receive(Peer.text("go"))
        #expect(try peer.texts() == ["before", "after"])
        #expect(try other.texts() == ["for the other"])
    }

    @Test("a violation is answered with its close code, and nothing after it is read")
    func violation() throws {
        let peer = try Peer(.echoing())
        var unmasked = ByteBuffer()
        unmasked.writeBytes([0x81, 0x01, 0x61])
        try peer.receive(Peer.text("fine"), unmasked, Peer.text("late"))
        let frames = try peer.frames()
        #expect(frames.map(\.opcode) == [.text, .close])
        #expect(frames.last?.payload.prefix(2) == [0x03, 0xEA])
        #expect(peer.handler.messages == ["fine"])
        peer.disconnect()
        #expect(peer.handler.closes.map(\.code) == [.protocolError])
        #expect(peer.handler.closes.first?.initiator == .local)
    }

    @Test("a message that does not end in time is answered with its close code, and the peer is not waited for")
    func messageTimeout() throws {
        var configuration = WebSocketConfiguration()
        configuration.messageTimeout = .seconds(2)
        let peer = try Peer(configuration: configuration)
        var bytes = Peer.text("does not end")
        try peer.receive(bytes.readSlice(length: 9) ?? ByteBuffer())
        peer.time.advanceTime(by: .milliseconds(1900))
        #expect(try peer.frames().isEmpty && peer.channel.isActive)
        peer.time.advanceTime(by: .milliseconds(700))
        let frames = try peer.frames()
        #expect(frames.map(\.opcode) == [.close])
        #expect(frames.last?.payload.prefix(2) == [0x03, 0xF0])
        #expect(!peer.channel.isActive)
        #expect(peer.handler.closes.map(\.code) == [.policyViolation])
        #expect(peer.handler.closes.first?.initiator == .local)
        peer.disconnect()
    }

    @Test("a close frame is answered with its code, and the end is clean")
    func peerCloses() throws {
        let peer = try Peer()
        try peer.receive(Peer.close(4000))
        let frames = try peer.frames()
        #expect(frames.map(\.opcode) == [.close])
        #expect(frames.first?.payload == [0x0F, 0xA0])
        #expect(!peer.socket.isOpen)
        #expect(peer.socket.send(text: "late") == .closed)
        peer.disconnect()
        #expect(peer.handler.closes.map(\.code.rawValue) == [4000])
        #expect(peer.handler.closes.first?.isClean == true)
        #expect(peer.handler.closes.first?.initiator == .remote)
    }

    @Test("a close of ours waits for the answer, and no longer than the timeout")
    func closeTimeout() throws {
        let peer = try Peer()
        peer.socket.close(.goingAway, reason: "bye")
        peer.socket.close(.normalClosure)
        #expect(try peer.frames().map(\.payload) == [[0x03, 0xE9] + Array("bye".utf8)])
        peer.time.advanceTime(by: .milliseconds(4999))
        #expect(peer.handler.closes.isEmpty)
        peer.time.advanceTime(by: .milliseconds(1))
        #expect(peer.handler.closes.map(\.code) == [.abnormalClosure])
        #expect(peer.handler.closes.first?.reason == "the peer did not answer the close frame (1001, bye)")
    }

    @Test("messages that were on their way when we closed still count")
    func messagesWhileClosing() throws {
        let peer = try Peer()
        peer.socket.close()
        try peer.receive(Peer.text("under way"), Peer.close(1000))
        #expect(peer.handler.messages == ["under way"])
        peer.disconnect()
        #expect(peer.handler.closes.map(\.code) == [.normalClosure])
        #expect(peer.handler.closes.first?.isClean == true)
    }

    @Test("an end without a close frame is 1006, told once")
    func abnormalEnd() throws {
        let peer = try Peer()
        peer.disconnect()
        #expect(peer.handler.closes.map(\.code) == [.abnormalClosure])
        #expect(peer.handler.closes.first?.isClean == false)
    }

    @Test("a silent peer is pinged every 20 s and dead 20 s after the first ping")
    func keepAlive() throws {
        let peer = try Peer()
        peer.time.advanceTime(by: .milliseconds(19_999))
        #expect(try peer.frames().isEmpty)
        peer.time.advanceTime(by: .milliseconds(1))
        #expect(try peer.frames().map(\.opcode) == [.ping])
        peer.time.advanceTime(by: .milliseconds(19_999))
        #expect(peer.handler.closes.isEmpty)
        peer.time.advanceTime(by: .milliseconds(1))
        #expect(peer.handler.closes.map(\.code) == [.abnormalClosure])
        #expect(peer.handler.closes.first?.reason.contains("ping") == true)
    }

    @Test("any byte is life, even half a frame")
    func anyByteIsLife() throws {
        let peer = try Peer()
        for _ in 0..<10 {
            peer.time.advanceTime(by: .seconds(19))
            try peer.channel.writeInbound(ByteBuffer(bytes: [0x82]))
            try peer.channel.writeInbound(ByteBuffer(bytes: [0x80, 0, 0, 0, 0]))
        }
        #expect(peer.handler.closes.isEmpty)
        #expect(try peer.frames().filter { $0.opcode == .ping }.count == 9)
    }

    @Test("of a flood of pings only the latest is answered while the peer does not read")
    func pingFlood() throws {
        let peer = try Peer()
        peer.gate.isOpen = false
        peer.socket.send(text: "stuck")
        for number in 0..<1000 { try peer.receive(Peer.frame(.ping, [UInt8(truncatingIfNeeded: number)])) }
        #expect(peer.socket.bufferedAmount == 7)
        try peer.openGate()
        let frames = try peer.frames()
        #expect(frames.map(\.opcode) == [.text, .pong])
        #expect(frames.last?.payload == [UInt8(truncatingIfNeeded: 999)])
        #expect(peer.handler.drains == 1)
    }

    @Test("suspend refuses what does not fit, and says when there is room")
    func suspendPolicy() throws {
        let peer = try Peer(configuration: .small(.suspend))
        peer.gate.isOpen = false
        #expect(peer.socket.send(text: String(repeating: "x", count: 200)) == .sent)  // alone, so it may be longer
        #expect(peer.socket.send(text: "b") == .full)
        try peer.openGate()
        #expect(peer.handler.drains == 1)
        #expect(peer.socket.send(text: "c") == .sent)
        #expect(try peer.texts().map { $0.prefix(1) } == ["x", "c"])
    }

    @Test("dropOldest keeps the latest messages, in order")
    func dropOldestPolicy() throws {
        let peer = try Peer(configuration: .small(.dropOldest))
        peer.gate.isOpen = false
        for number in 0..<30 { #expect(peer.socket.send(text: "message \(number)") == .sent) }
        #expect(peer.socket.bufferedAmount <= 100)
        try peer.openGate()
        let texts = try peer.texts()
        #expect(texts.first == "message 0")  // in the kernel's hands already
        #expect(texts.dropFirst().last == "message 29")
        #expect(texts.dropFirst() == (31 - texts.count..<30).map { "message \($0)" }[...])
        #expect(peer.socket.droppedMessageCount == 30 - texts.count)
    }

    @Test("dropOldest forgets what it dropped, however much passes a peer that never reads")
    func dropOldestMemory() {
        var queue = OutboundQueue<Void>(limit: 1000, policy: .dropOldest)
        for _ in 0..<100_000 {
            #expect(queue.offer(length: 100, inFlight: 0) == .accepted)
            queue.append((), length: 100, isDroppable: true) { $0.writeRepeatingByte(7, count: 100) }
        }
        #expect(queue.count == 10)
        #expect(queue.bytes.capacity <= 4096)
    }

    @Test("dropOldest drops nothing for a message that cannot be taken anyway")
    func dropOldestInVain() {
        var queue = OutboundQueue<Void>(limit: 100, policy: .dropOldest)
        queue.append((), length: 10, isDroppable: true) { $0.writeRepeatingByte(7, count: 10) }
        #expect(queue.offer(length: 60, inFlight: 50) == .refused)
        #expect(queue.count == 1)
    }

    @Test("a reset after both close frames does not make the end unclean")
    func resetAfterClose() throws {
        struct Reset: Error {}
        let peer = try Peer()
        peer.socket.close()
        try peer.receive(Peer.close(1000))
        peer.channel.pipeline.fireErrorCaught(Reset())
        peer.disconnect()
        #expect(peer.handler.closes.map(\.code) == [.normalClosure])
        #expect(peer.handler.closes.first?.isClean == true)
    }

    @Test("dropNewest keeps the earliest messages")
    func dropNewestPolicy() throws {
        let peer = try Peer(configuration: .small(.dropNewest))
        peer.gate.isOpen = false
        let results = (0..<30).map { peer.socket.send(text: "message \($0)") }
        try peer.openGate()
        let texts = try peer.texts()
        #expect(texts == (0..<texts.count).map { "message \($0)" })
        #expect(results.filter { $0 == .full }.count == 30 - texts.count)
        #expect(peer.socket.droppedMessageCount == 30 - texts.count)
    }

    @Test("the policy close tells a slow peer to come back later, behind what waits")
    func closePolicy() throws {
        let peer = try Peer(configuration: .small(.close))
        peer.gate.isOpen = false
        while peer.socket.send(text: "message") == .sent {}
        #expect(!peer.socket.isOpen)
        try peer.openGate()
        let frames = try peer.frames()
        #expect(frames.last?.opcode == .close)
        #expect(frames.last?.payload.prefix(2) == [0x03, 0xF5])
        #expect(frames.dropLast().allSatisfy { $0.opcode == .text })
    }

    @Test("a batch encoded once reaches each connection whole, or as far as its queue takes it")
    func preparedBatch() throws {
        var batch = PreparedBatch()
        for number in 0..<5 { batch.append(text: "message \(number)") }
        let fast = try Peer()
        #expect(fast.socket.send(batch) == 5)
        #expect(try fast.writes().count == 1)
        let slow = try Peer(configuration: .small(.suspend))
        slow.gate.isOpen = false
        slow.socket.send(text: String(repeating: "x", count: 60))
        #expect(slow.socket.send(batch) == 3)
        try slow.openGate()
        #expect(try slow.texts().dropFirst() == ["message 0", "message 1", "message 2"])
        let client = try Peer(role: .client)
        #expect(client.socket.send(batch) == 5)
        let bytes = try client.writes().reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        #expect(bytes.getInteger(at: 1, as: UInt8.self).map { $0 & 0x80 } == 0x80)
    }

    @Test("when the server drains, the client is told 1001")
    func quiescing() throws {
        let peer = try Peer()
        peer.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(try peer.frames().first?.payload.prefix(2) == [0x03, 0xE9])
    }

    @Test("a paused connection is not read, and not taken for dead")
    func pausedReading() throws {
        let peer = try Peer()
        peer.socket.pauseReading()
        for _ in 0..<5 { peer.time.advanceTime(by: .seconds(20)) }
        #expect(peer.handler.closes.isEmpty)
        peer.socket.resumeReading()
    }

    @Test("a handler that ends the connection in the middle of a read is not called again")
    func abortInsideMessage() throws {
        let handler = RecordingHandler()
        handler.onMessage = { socket, _, _ in socket.abort(reason: "enough") }
        let peer = try Peer(handler)
        try? peer.receive(Peer.text("a"), Peer.text("b"))
        #expect(handler.messages == ["a"])
        #expect(handler.closes.map(\.reason) == ["enough"])
        #expect(!peer.socket.loop.isCorkTaken)
    }
}

extension WebSocketConfiguration {
    /// A queue of 100 bytes.
    static func small(_ policy: OverflowPolicy) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.outboundQueueLimit = 100
        configuration.overflowPolicy = policy
        return configuration
    }
}
