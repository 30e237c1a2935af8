package import NIOCore
import NIOSSL

extension Channel {
    /// Ends the connection at once, past TLS, whose own end would wait some seconds for the peer. To be called on any
    /// thread.
    package func cut() {
        self.eventLoop.execute {
            if let tls = self.pipeline.syncOperations.contextOfTLS {
                tls.close(promise: nil)
            } else {
                self.close(promise: nil)
            }
        }
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// The context of the handler for TLS; what is asked of it goes past TLS. `nil` for a connection without TLS.
    var contextOfTLS: ChannelHandlerContext? {
        (try? self.context(handlerType: NIOSSLServerHandler.self))
            ?? (try? self.context(handlerType: NIOSSLClientHandler.self))
    }
}
