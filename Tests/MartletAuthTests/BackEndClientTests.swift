import NIOCore
import NIOSSL
import Testing

@testable import MartletAuth

@Suite("Errors of a back end")
struct BackEndClientTests {
    @Test("a connection that cannot be established is no client's fault")
    func unreachable() async {
        #expect(BackEndClient.isUnreachable(ChannelError.connectTimeout(.seconds(1))))
        #expect(BackEndClient.isUnreachable(NIOSSLError.handshakeFailed(.syscallError)))
        // Nothing listens there.
        let error = await #expect(throws: (any Error).self) {
            try await BackEndClient.get("http://127.0.0.1:1/", limit: 1)
        }
        #expect(error.map { BackEndClient.isUnreachable($0) } == true)
    }

    @Test(
        "a connection that breaks may be a client's fault: its request may have been sent",
        arguments: [
            IOError(errnoCode: 104, reason: "read"), ChannelError.eof, ChannelError.ioOnClosedChannel,
            ChannelError.alreadyClosed, NIOSSLError.uncleanShutdown, BackEndClient.Failure(description: "no answer"),
        ] as [any Error])
    func broken(error: any Error) { #expect(!BackEndClient.isUnreachable(error)) }
}
