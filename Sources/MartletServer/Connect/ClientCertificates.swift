public import MartletWebSocket
import NIOSSL

extension WebSocketClient.Configuration {
    /// Takes what command-line options say about TLS.
    ///
    /// - Parameters:
    ///   - authority, certificate, key: PEM files.
    ///   - isInsecure: the server's certificate is not checked.
    /// - Throws: ``WebSocketError`` with the code `tlsFailed` when a file cannot be used.
    public mutating func useCertificates(
        authority: String?, certificate: String?, key: String?, isInsecure: Bool
    ) throws {
        do {
            if let authority {
                self.tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority))
            }
            if let certificate, let key {
                self.tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
                self.tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            }
        } catch {
            throw WebSocketError(.tlsFailed, reason: "a certificate or key file cannot be used", cause: error)
        }
        if isInsecure { self.tls.certificateVerification = .none }
    }
}
