import Logging
import MartletHTTP
package import MartletWebSocket
import NIOCore

/// The protocols of the connections that a ``ConnectionServer`` accepts.
package enum ServedProtocols: Sendable {
    /// HTTP/1.1, with TLS or without.
    case http1(WebSocketChildChannel)
    /// HTTP/2 and HTTP/1.1 over TLS, as the client chooses (ALPN).
    case http2(WebSocketHTTP2Channel)

    enum Value: Sendable {
        case http1(WebSocketChildChannel.Value)
        case http2(WebSocketHTTP2Channel.Value)
    }

    /// - Parameters:
    ///   - http1: serves HTTP/1.1, without TLS of its own.
    ///   - tls: speaks HTTP/2 if its application protocols have it; `nil` for none.
    package init(_ http1: WebSocketChildChannel, tls: ServerTLS?) {
        guard let tls else {
            self = .http1(http1)
            return
        }
        self =
            tls.applicationProtocols.contains("h2")
            ? .http2(WebSocketHTTP2Channel(http1: http1, tls: tls)) : .http1(http1.secured(with: tls))
    }

    var isSecure: Bool {
        switch self {
        case .http1(let channel): channel.isSecure
        case .http2: true
        }
    }

    /// - Parameter completion: gets what ``handle(_:_:)`` needs.
    func setup(
        _ channel: any Channel, _ logger: Logger, _ place: ConnectionPlace,
        _ completion: @escaping @Sendable (Value) -> Void
    ) -> EventLoopFuture<Void> {
        switch self {
        case .http1(let http1):
            channel.eventLoop.makeCompletedFuture {
                completion(.http1(try http1.setUp(channel, logger: logger, place: place)))
            }
        case .http2(let http2):
            http2.setup(channel: channel, logger: logger, place: place).map { completion(.http2($0)) }
        }
    }

    func handle(_ value: Value, _ logger: Logger) async {
        switch (self, value) {
        case (.http1(let http1), .http1(let value)): await http1.handle(value: value, logger: logger)
        case (.http2(let http2), .http2(let value)): await http2.handle(value: value, logger: logger)
        default: break
        }
    }
}
