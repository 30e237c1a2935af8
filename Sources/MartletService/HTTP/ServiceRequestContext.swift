package import Hummingbird
import Logging
import MartletHTTP
package import NIOCore

/// The context of a request, with the address of its sender.
package struct ServiceRequestContext: RequestContext, RemoteAddressRequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel
    package let remoteAddress: SocketAddress?
    /// Whether the connection uses TLS.
    package var isSecure = false

    /// Asks a client that waits for it (`Expect: 100-continue`) to send the body.
    package func wantsBody() { self.channel.pipeline.fireUserInboundEventTriggered(WantsBodyEvent()) }

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.channel = source.channel
        self.remoteAddress = source.channel.remoteAddress
    }
}
