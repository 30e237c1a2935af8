import Foundation
import MartletProtocol
import NIOCore
import NIOSSL
import TestSupport
import Testing

@testable import MartletWebSocket

@Suite("TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    private static func configuration(_ tls: TLSConfiguration, serverName: String? = nil)
        -> WebSocketClient.Configuration
    {
        var configuration = WebSocketClient.Configuration()
        configuration.tls = tls
        configuration.tlsServerName = serverName
        return configuration
    }

    private static func client(_ tls: TLSConfiguration, serverName: String? = nil) -> WebSocketClient {
        WebSocketClient(configuration: self.configuration(tls, serverName: serverName), logger: Loopback.quiet)
    }

    private static func serve(
        _ tls: ServerTLS, _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        let configuration = WebSocketServer.Configuration(host: "127.0.0.1", port: 0, tls: tls)
        try await Loopback.serve(configuration) { server in
            server.route("/echo") { request, socket in
                #expect(request.isSecure)
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { addresses in
            try await body(addresses[0].port!)
        }
    }

    private static func echo(_ client: WebSocketClient, _ port: Int, host: String = "localhost") async throws {
        let end = try await client.connect(to: "wss://\(host):\(port)/echo") { socket in
            var messages = socket.messages.makeAsyncIterator()
            for length in [0, 1, 70_000, 900_000] {
                try await socket.send(binary: ByteBuffer(repeating: 7, count: length))
                #expect(try await messages.next() == .binary(ByteBuffer(repeating: 7, count: length)))
            }
        }
        #expect(end.isClean && end.code == .normalClosure)
    }

    @Test("a client trusts the root that it is given, for the name and for an address")
    func customRoot() async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost", "127.0.0.1", "other.example"])
        let tls = try ServerTLS(
            certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"))
        try await Self.serve(tls) { port in
            try await Self.echo(Self.client(certificates.clientTLS), port)
            try await Self.echo(Self.client(certificates.clientTLS), port, host: "127.0.0.1")
            try await Self.echo(Self.client(certificates.clientTLS, serverName: "other.example"), port)
        }
    }

    @Test("an unknown authority and a wrong name are refused")
    func untrusted() async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        let tls = try ServerTLS(
            certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"))
        try await Self.serve(tls) { port in
            for client in [
                Self.client(.makeClientConfiguration()),
                Self.client(certificates.clientTLS, serverName: "other.example"),
            ] {
                let error = await #expect(throws: WebSocketError.self) { try await Self.echo(client, port) }
                #expect(error?.code == .tlsFailed)
            }
            var insecure = TLSConfiguration.makeClientConfiguration()
            insecure.certificateVerification = .none
            try await Self.echo(Self.client(insecure), port)
        }
    }

    @Test("a server may ask for a client's certificate")
    func clientCertificate() async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        try certificates.issue("client", hosts: ["client"])
        let roots = certificates.path("ca.pem")
        let tls = try ServerTLS(
            certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key")
        ) { configuration in
            configuration.trustRoots = .file(roots)
            configuration.certificateVerification = .noHostnameVerification
        }
        try await Self.serve(tls) { port in
            await #expect(throws: WebSocketError.self) {
                try await Self.echo(Self.client(certificates.clientTLS), port)
            }
            var with = certificates.clientTLS
            with.certificateChain = try NIOSSLCertificate.fromPEMFile(certificates.path("client.pem")).map {
                .certificate($0)
            }
            with.privateKey = .privateKey(try NIOSSLPrivateKey(file: certificates.path("client.key"), format: .pem))
            try await Self.echo(Self.client(with), port)
        }
    }

    @Test("a certificate that changes on disk is taken over without a restart; a broken one is not")
    func reload() async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try certificates.issue("server", hosts: ["localhost"])
        let tls = try ServerTLS(
            certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"))
        try await Self.serve(tls) { port in
            let renamed = Self.client(certificates.clientTLS, serverName: "renamed.example")
            try await Self.client(certificates.clientTLS).connect(to: "wss://localhost:\(port)/echo") { socket in
                #expect(try !tls.reloadIfChanged())
                try certificates.issue("server", hosts: ["renamed.example"])
                #expect(try tls.reloadIfChanged())
                try await Self.echo(renamed, port)
                try Data("rubbish".utf8).write(to: certificates.folder.appending(path: "server.key"))
                #expect(throws: WebSocketError.self) { try tls.reload() }
                try await Self.echo(renamed, port)
                // The connection that was open before is not touched.
                try await socket.send(text: "still here")
                var messages = socket.messages.makeAsyncIterator()
                #expect(try await messages.next() == .text("still here"))
            }
        }
    }

    @Test("files that are missing say so")
    func missing() {
        let error = #expect(throws: WebSocketError.self) {
            _ = try ServerTLS(certificateFile: "/nowhere/cert.pem", keyFile: "/nowhere/key.pem")
        }
        #expect(error?.code == .tlsFailed && error?.reason.contains("/nowhere/cert.pem") == true)
    }
}
