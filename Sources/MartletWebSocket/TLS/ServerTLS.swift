public import NIOSSL
import Synchronization

/// A server's certificate and key, read from files and read again when they change, without a restart.
///
/// New connections get the new certificate; open ones keep theirs. A pair that cannot be used, such as a certificate
/// whose key has not been written yet, changes nothing.
public final class ServerTLS: Sendable {
    private struct State {
        var context: NIOSSLContext
        var expiry: Int
        var stamp: [FileStamp?]
        /// The stamps of the files when they were last found unusable, so that one mistake is reported once.
        var refused: [FileStamp?]?
    }

    /// The protocols for ALPN of a server that speaks HTTP/1.1 alone.
    package static let http1Protocols = ["http/1.1"]
    /// The protocols for ALPN of a server that speaks HTTP/2 as well.
    package static let http2Protocols = ["h2"] + http1Protocols

    package let certificateFile: String
    package let keyFile: String
    package let applicationProtocols: [String]
    private let configure: @Sendable (inout TLSConfiguration) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - certificateFile: the file of the certificate chain in PEM, the server's own certificate first.
    ///   - keyFile: the file of its private key in PEM.
    ///   - applicationProtocols: the protocols for ALPN. Default: `http/1.1`.
    ///   - configure: changes other settings: client certificates, versions (TLS 1.2 or later), ciphers.
    /// - Throws: ``WebSocketError`` with the code `tlsFailed`.
    public init(
        certificateFile: String, keyFile: String, applicationProtocols: [String] = ["http/1.1"],
        configure: @escaping @Sendable (inout TLSConfiguration) -> Void = { _ in }
    ) throws {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.applicationProtocols = applicationProtocols
        self.configure = configure
        let stamp = Self.stamp([certificateFile, keyFile])
        let (context, expiry) = try Self.load(certificateFile, keyFile, applicationProtocols, configure)
        self.state = Mutex(State(context: context, expiry: expiry, stamp: stamp))
    }

    /// The time at which the first certificate of the chain expires, in seconds since 1970.
    package var expiry: Int { self.state.withLock { $0.expiry } }

    private static func load(
        _ certificateFile: String, _ keyFile: String, _ protocols: [String],
        _ configure: (inout TLSConfiguration) -> Void
    ) throws -> (context: NIOSSLContext, expiry: Int) {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificateFile)
            let key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = protocols
            configure(&configuration)
            return (
                try NIOSSLContext(configuration: configuration), chain.map { Int($0.notValidAfter) }.min() ?? .max
            )
        } catch {
            throw WebSocketError(
                .tlsFailed, reason: "the certificate \(certificateFile) and the key \(keyFile) cannot be used",
                cause: error)
        }
    }

    private static func stamp(_ files: [String]) -> [FileStamp?] { files.map { FileStamp($0) } }

    /// Reads the files again.
    ///
    /// - Throws: ``WebSocketError`` with the code `tlsFailed`; the old certificate stays.
    public func reload() throws {
        let stamp = Self.stamp([self.certificateFile, self.keyFile])
        let (context, expiry) = try Self.load(
            self.certificateFile, self.keyFile, self.applicationProtocols, self.configure)
        self.state.withLock { $0 = State(context: context, expiry: expiry, stamp: stamp) }
    }

    /// Reads the files again if one of them has changed.
    ///
    /// - Returns: whether they were read again.
    /// - Throws: ``WebSocketError`` with the code `tlsFailed`, once for each change; the old certificate stays, and the
    ///   files are tried again at each call: a file that could not be read may have become readable.
    @discardableResult
    public func reloadIfChanged() throws -> Bool {
        let stamp = Self.stamp([self.certificateFile, self.keyFile])
        guard self.state.withLock({ $0.stamp != stamp }) else { return false }
        do {
            try self.reload()
        } catch {
            let isKnown = self.state.withLock { state in
                defer { state.refused = stamp }
                return state.refused == stamp
            }
            guard isKnown else { throw error }
            return false
        }
        return true
    }

    /// Returns the handler for a new connection.
    public func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: self.state.withLock { $0.context })
    }
}
