import MartletHTTP
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletWebSocket

@Suite("Answers that the client does not take")
struct AnswerStallTests {
    private static let start = NIODeadline.uptimeNanoseconds(1)

    @Test("are waited for while it takes some of them now and then")
    func progress() {
        var stall = AnswerStall(1000, at: Self.start)
        for second in 1...20 {
            let now = Self.start + .seconds(Int64(15 * second))
            #expect(stall.isOver(1000 - second, at: now, timeout: .seconds(20)) == false)
        }
    }

    @Test("are given up once it has taken nothing for the whole time, however many are added")
    func noProgress() {
        var stall = AnswerStall(1000, at: Self.start)
        #expect(stall.isOver(1000, at: Self.start + .seconds(10), timeout: .seconds(20)) == false)
        #expect(stall.isOver(2000, at: Self.start + .seconds(19), timeout: .seconds(20)) == false)
        #expect(stall.isOver(1500, at: Self.start + .seconds(20), timeout: .seconds(20)) == false)
        #expect(stall.isOver(1500, at: Self.start + .seconds(39), timeout: .seconds(20)) == false)
        #expect(stall.isOver(1500, at: Self.start + .seconds(40), timeout: .seconds(20)) == true)
    }

    /// A long answer fills NIO's buffer again whenever it has drained, so that it is about as full at each look.
    @Test("do not end the connection when there is room again between two looks")
    func roomBetweenLooks() throws {
        let channel = EmbeddedChannel()
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var limits = HTTPLimits()
        limits.handshakeTimeout = .hours(1)
        let handler = WebSocketUpgradeHandler(limits: limits, isSecure: false, logger: Loopback.quiet) { _ in nil }
        try channel.pipeline.syncOperations.addHandler(handler)
        func setWritable(_ isWritable: Bool) {
            channel.isWritable = isWritable
            channel.pipeline.fireChannelWritabilityChanged()
        }
        for _ in 0..<30 {
            setWritable(false)
            channel.embeddedEventLoop.advanceTime(by: .seconds(6))
            #expect(channel.isActive)
            setWritable(true)
        }
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        setWritable(false)
        channel.embeddedEventLoop.advanceTime(by: .seconds(26))
        #expect(!channel.isActive)
    }
}
