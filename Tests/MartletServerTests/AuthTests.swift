import FoundationEssentials
import HTTPTypes
import JWTKit
import Testing

@testable import MartletServer

@Suite("Authentication")
struct AuthTests {
    private struct Claims: JWTPayload {
        var sub: String?
        var exp: ExpirationClaim?
        var nbf: NotBeforeClaim?
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private static let secret = String(repeating: "0123456789abcdef", count: 4)

    private static func sign(
        _ claims: Claims, secret: String = Self.secret, algorithm: DigestAlgorithm = .sha256
    ) async throws -> String {
        try await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: algorithm).sign(claims)
    }

    @Test("a token signed with the secret stands for its subject, and no other token for anybody")
    func jwt() async throws {
        let verifier = try await SharedSecretJWT(secret: Self.secret)
        let (past, future) = (ExpirationClaim(value: .distantPast), ExpirationClaim(value: .distantFuture))
        let good = try await Self.sign(Claims(sub: "jack", exp: future))
        #expect(await verifier.user(of: good) == "jack")
        #expect(await verifier.user(of: try await Self.sign(Claims(sub: "jack"))) == "jack")

        var bad = [
            try await Self.sign(Claims(sub: "jack", exp: past)),
            try await Self.sign(Claims(sub: "jack", nbf: NotBeforeClaim(value: .distantFuture))),
            try await Self.sign(Claims(sub: nil as String?, exp: future)),
            try await Self.sign(Claims(sub: "", exp: future)),
            try await Self.sign(Claims(sub: "jack", exp: future), secret: String(repeating: "another!", count: 8)),
            try await Self.sign(Claims(sub: "jack", exp: future), algorithm: .sha512),
            "", ".", "..", "a.b.c", "jack", String(repeating: "x", count: 100_000), good + "x",
        ]
        let parts = good.split(separator: ".")
        bad.append("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.\(parts[1]).")  // {"alg":"none","typ":"JWT"}
        bad.append("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.\(parts[1]).\(parts[2])")
        bad.append("\(parts[0]).\(parts[1])")
        for token in bad { #expect(await verifier.user(of: token) == nil, "\(token.prefix(80))") }
    }

    @Test("a secret that is too short is refused")
    func shortSecret() async {
        await #expect(throws: ServerError.self) { try await SharedSecretJWT(secret: "short") }
    }

    @Test("a token file names its users, and the line that is wrong")
    func tokenFile() throws {
        let file = try TokenFile(text: "# comment\n\nt1 jack\nt2\tjill  \n", name: "tokens")
        #expect(file.user(of: "t1") == "jack")
        #expect(file.user(of: "t2") == "jill")
        #expect(file.user(of: "jack") == nil)
        for (text, line) in [
            ("t1 jack\nt2\n", "line 2"), ("t1 jack\nt1 jill", "line 2"), ("a b c", "line 1"), ("# x", "no tokens"),
        ] {
            let error = #expect(throws: ServerError.self) { try TokenFile(text: text, name: "tokens") }
            #expect(error?.reason.contains(line) == true)
        }
    }

    @Test("the API key is taken from either header and compared whole")
    func apiKey() {
        let key = APIKey("secret")
        func authorizes(_ name: String, _ value: String) -> Bool {
            key.authorizes(
                HTTPRequest(
                    method: .post, scheme: "http", authority: "a", path: "/push",
                    headerFields: [HTTPField.Name(name)!: value]))
        }
        #expect(authorizes("X-API-Key", "secret"))
        #expect(authorizes("Authorization", "bearer secret"))
        for (name, value) in [
            ("X-API-Key", "secre"), ("X-API-Key", "secrets"), ("X-API-Key", ""), ("Authorization", "secret"),
            ("Authorization", "Basic secret"), ("X", "secret"),
        ] {
            #expect(!authorizes(name, value))
        }
    }
}
