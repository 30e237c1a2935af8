import NIOCore
import NIOSSL
import Synchronization

/// The TLS contexts of a client. Each is made at its first use: reading the trust roots takes milliseconds.
final class ClientTLS: Sendable {
    private let configuration: TLSConfiguration
    private let target = Mutex<NIOSSLContext?>(nil)
    private let proxy = Mutex<NIOSSLContext?>(nil)

    init(_ configuration: TLSConfiguration) { self.configuration = configuration }

    /// For the WebSocket server.
    ///
    /// - Parameter serverName: a host name or an IP address.
    func makeHandler(serverName: String) throws -> NIOSSLClientHandler {
        var configuration = self.configuration
        configuration.applicationProtocols = ["http/1.1"]
        return try Self.makeHandler(configuration, self.target, serverName)
    }

    /// For the proxy: the same trust, but it gets no client certificate.
    func makeProxyHandler(serverName: String) throws -> NIOSSLClientHandler {
        var configuration = self.configuration
        configuration.certificateChain = []
        configuration.privateKey = nil
        return try Self.makeHandler(configuration, self.proxy, serverName)
    }

    private static func makeHandler(
        _ configuration: TLSConfiguration, _ cache: borrowing Mutex<NIOSSLContext?>, _ serverName: String
    ) throws -> NIOSSLClientHandler {
        let context = try cache.withLock { context in
            if let context { return context }
            let made = try NIOSSLContext(configuration: configuration)
            context = made
            return made
        }
        // An address is no SNI name; NIOSSL checks the certificate against the peer's address then.
        let isAddress = (try? SocketAddress(ipAddress: serverName, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : serverName)
    }
}
