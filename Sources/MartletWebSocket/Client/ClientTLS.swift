import NIOCore
import NIOSSL
import Synchronization

/// The TLS contexts of a client. Each is made at its first use: reading the trust roots takes milliseconds.
final class ClientTLS: Sendable {
    private let configuration: TLSConfiguration
    private let target = Mutex<NIOSSLContext?>(nil)
    private let proxy = Mutex<NIOSSLContext?>(nil)

    init(_ configuration: TLSConfiguration) { self.configuration = configuration }

    /// Returns a handler for a connection to the WebSocket server.
    ///
    /// - Parameters:
    ///   - serverName: a host name or an IP address.
    ///   - peer: the address of the other end of the TCP connection: a proxy's, if there is one.
    ///   - isForeign: whether the server has another origin, which must not get the client's certificate.
    func makeHandler(serverName: String, peer: SocketAddress?, isForeign: Bool) throws -> NIOSSLClientHandler {
        var configuration = self.configuration
        configuration.applicationProtocols = ["http/1.1"]
        if Self.isAddress(serverName), configuration.certificateVerification == .fullVerification,
            peer?.ipAddress != (try? SocketAddress(ipAddress: serverName, port: 0))?.ipAddress
        {
            // NIOSSL would check the certificate against the address of the proxy.
            throw WebSocketError(
                .tlsFailed, reason: "a certificate for \(serverName) can only be checked on a direct connection")
        }
        if isForeign { return try self.makeProxyHandler(serverName: serverName) }
        return try Self.makeHandler(configuration, self.target, serverName)
    }

    /// Returns a handler for a proxy, or a server of another origin: with the same trust, but without the client
    /// certificate.
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
        // An address is not an SNI name; NIOSSL then checks the certificate against the peer's address.
        return try NIOSSLClientHandler(
            context: context, serverHostname: Self.isAddress(serverName) ? nil : serverName)
    }

    private static func isAddress(_ name: String) -> Bool {
        (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }
}
