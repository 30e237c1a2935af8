import NIOCore
import NIOEmbedded
import NIOSSL
import TestSupport
import Testing

@testable import MartletWebSocket

@Suite("A connection that is cut")
struct ChannelCutTests {
    private static func connected(_ handler: any ChannelHandler) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    /// Carries what both ends of a TLS connection write, until they write no more.
    private static func carry(_ client: EmbeddedChannel, _ server: EmbeddedChannel) throws {
        var isMoving = true
        while isMoving {
            isMoving = false
            for (from, to) in [(client, server), (server, client)] {
                from.embeddedEventLoop.run()
                while let bytes = try from.readOutbound(as: ByteBuffer.self) {
                    isMoving = true
                    try to.writeInbound(bytes)
                }
            }
        }
    }

    @Test("ends at once also over TLS, whose own end waits for the client")
    func pastTLS() throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        let server = try Self.connected(
            NIOSSLServerHandler(context: NIOSSLContext(configuration: certificates.serverTLS("server"))))
        let client = try Self.connected(
            NIOSSLClientHandler(
                context: NIOSSLContext(configuration: certificates.clientTLS), serverHostname: "localhost"))
        try Self.carry(client, server)
        server.close(promise: nil)
        server.embeddedEventLoop.run()
        #expect(server.isActive)
        for channel in [client, server] {
            channel.cut()
            channel.embeddedEventLoop.run()
            #expect(!channel.isActive)
        }
    }
}
