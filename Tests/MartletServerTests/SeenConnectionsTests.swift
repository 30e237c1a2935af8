import NIOCore
import NIOEmbedded
import Testing

@testable import MartletServer

@Suite("Connections that a right key came on")
struct SeenConnectionsTests {
    @Test("are remembered until they end: another one may have their address in memory then")
    func untilTheEnd() throws {
        let seen = SeenConnections()
        let channels = (0..<3).map { _ in EmbeddedChannel() }
        for channel in channels { #expect(seen.isNew(channel)) }
        for channel in channels { #expect(!seen.isNew(channel)) }
        _ = try channels[0].finish()
        #expect(seen.isNew(channels[0]))
        #expect(!seen.isNew(channels[1]) && !seen.isNew(channels[2]))
        for channel in channels.dropFirst() { _ = try channel.finish() }
    }
}
