import NIOCore
import NIOSSL

/// TLS towards the servers of an upstream.
final class UpstreamTLS: Sendable {
    private let context: NIOSSLContext
    private let serverName: String?

    init(_ settings: UpstreamConfiguration.TLS, upstream: String) throws {
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            if let file = settings.authorities { configuration.trustRoots = .file(file) }
            if !settings.isVerified { configuration.certificateVerification = .none }
            if let certificate = settings.certificate {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map {
                    .certificate($0)
                }
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(file: settings.key ?? certificate, format: .pem))
            }
            self.context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw ProxyError(.file, reason: "upstream \(upstream): its TLS files cannot be used", cause: error)
        }
        self.serverName = settings.serverName
    }

    func makeHandler(for url: UpstreamURL) throws -> NIOSSLClientHandler {
        let name = self.serverName ?? url.host
        // An IP address is no server name (RFC 6066, section 3); NIO then checks the address itself.
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return try NIOSSLClientHandler(context: self.context, serverHostname: isAddress ? nil : name)
    }
}
