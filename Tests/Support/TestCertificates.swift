import Crypto
package import Foundation
package import NIOSSL
import SwiftASN1
import X509

/// A certificate authority of a test's own, and certificates that it signed, as PEM files in a folder.
package struct TestCertificates {
    package let folder: URL
    private let authorityKey = P256.Signing.PrivateKey()
    private let authority: Certificate

    package init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let name = try DistinguishedName { CommonName("Test authority") }
        let key = Certificate.PrivateKey(self.authorityKey)
        self.authority = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: .now - 3600,
            notValidAfter: .now + 86_400, issuer: name, subject: name,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                KeyUsage(keyCertSign: true)
            }, issuerPrivateKey: key)
        try self.authority.serializeAsPEM().pemString.write(
            to: self.folder.appending(path: "ca.pem"), atomically: true, encoding: .utf8)
    }

    package func remove() { try? FileManager.default.removeItem(at: self.folder) }

    /// The path of a file.
    package func path(_ file: String) -> String { self.folder.appending(path: file).path(percentEncoded: false) }

    /// Writes `NAME.pem` and `NAME.key`.
    package func issue(_ name: String, hosts: [String]) throws {
        let key = P256.Signing.PrivateKey()
        let names: [GeneralName] = hosts.map { host in
            let octets = host.split(separator: ".").compactMap { UInt8($0) }
            return octets.count == 4 ? .ipAddress(.init(contentBytes: octets[...])) : .dnsName(host)
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: Certificate.PrivateKey(key).publicKey,
            notValidBefore: .now - 3600, notValidAfter: .now + 86_400, issuer: self.authority.subject,
            subject: try DistinguishedName { CommonName(name) },
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                KeyUsage(digitalSignature: true)
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(names)
            }, issuerPrivateKey: Certificate.PrivateKey(self.authorityKey))
        try certificate.serializeAsPEM().pemString.write(
            toFile: self.path("\(name).pem"), atomically: true, encoding: .utf8)
        try key.pemRepresentation.write(toFile: self.path("\(name).key"), atomically: true, encoding: .utf8)
    }

    /// A client that trusts the authority and nobody else.
    package var clientTLS: TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(self.path("ca.pem"))
        return tls
    }

    /// A server with a certificate that was issued.
    package func serverTLS(_ name: String) throws -> TLSConfiguration {
        TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(self.path("\(name).pem")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: self.path("\(name).key"), format: .pem)))
    }
}
