import FoundationEssentials
import Logging
import NIOCore
import Synchronization
import Testing

@testable import MartletAuth

/// A service that keeps keys, and a clock that moves when somebody sleeps.
private final class KeyServer: Sendable {
    private struct State {
        var ids = ["one"]
        var fetches = 0
        var isDown = false
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    }

    private let state = Mutex(State())

    var fetches: Int { self.state.withLock { $0.fetches } }
    func serve(_ ids: [String]) { self.state.withLock { $0.ids = ids } }
    func fail(_ isDown: Bool) { self.state.withLock { $0.isDown = isDown } }
    func advance(_ time: TimeAmount) { self.state.withLock { $0.now = $0.now + time } }

    func makeKeys() -> RemoteJWTKeys {
        RemoteJWTKeys(
            url: "https://keys.example", refreshInterval: .minutes(10), logger: Logger(label: "test"),
            now: { self.state.withLock { $0.now } }, sleep: { self.advance($0) }
        ) {
            try self.state.withLock { state in
                state.fetches += 1
                if state.isDown { throw BackEndClient.Failure(description: "down") }
                let keys = state.ids.map {
                    #"{"kty":"OKP","crv":"Ed25519","kid":"\#($0)","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
                }
                return Data(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8)
            }
        }
    }
}

@Suite("Keys that another service keeps")
struct RemoteJWTKeysTests {
    private let server = KeyServer()

    @Test("are fetched once, and again when a token names a new one")
    func rotation() async throws {
        let keys = self.server.makeKeys()
        for _ in 0..<5 { #expect(try await keys.keys(for: "one").knows("one")) }
        #expect(self.server.fetches == 1)
        self.server.serve(["one", "two"])
        #expect(try await keys.keys(for: "two").knows("two"))
        #expect(self.server.fetches == 2)
        #expect(try await keys.keys(for: "one").knows("one"))
        #expect(self.server.fetches == 2)
    }

    @Test("a key without a name is tried for every name, without another fetch")
    func nameless() async throws {
        let set = #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
        let fetches = Mutex(0)
        let keys = RemoteJWTKeys(
            url: "https://keys.example", refreshInterval: .minutes(10), logger: Logger(label: "test"),
            now: { .uptimeNanoseconds(1) }, sleep: { _ in }
        ) {
            fetches.withLock { $0 += 1 }
            return Data(set.utf8)
        }
        for name in ["one", "two", "three"] {
            #expect(try await keys.keys(for: name).candidates(.edDSA, id: name).count == 1)
        }
        #expect(fetches.withLock { $0 } == 1)
    }

    @Test("made-up names cost a fetch a second at most, however many there are")
    func unknown() async throws {
        let keys = self.server.makeKeys()
        _ = try await keys.keys(for: "one")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<100 { group.addTask { try await keys.keys(for: "made up \(index)").knows("made up") } }
            for try await isKnown in group { #expect(!isKnown) }
        }
        // Each waits for two fetches, which the others share, and a second lies between one and the next.
        #expect(self.server.fetches <= 1 + 2 * 100)
        let before = self.server.fetches
        _ = try await keys.keys(for: "made up")
        #expect(self.server.fetches == before + 2)
    }

    @Test("count on while the service fails, and are missing when it never answered")
    func failure() async throws {
        let keys = self.server.makeKeys()
        self.server.fail(true)
        await #expect(throws: (any Error).self) { try await keys.keys(for: "one") }
        self.server.fail(false)
        #expect(try await keys.keys(for: "one").knows("one"))
        self.server.fail(true)
        self.server.advance(.hours(5))
        #expect(try await keys.keys(for: "one").knows("one"))
        // Perhaps it is the name of a new key: nobody knows.
        await #expect(throws: (any Error).self) { try await keys.keys(for: "two") }
    }

    @Test("are fetched again for a signature that fits none of them, and for many such not more than once in 5 s")
    func exchangedUnderTheirNames() async throws {
        let keys = self.server.makeKeys()
        _ = try await keys.keys(for: "one")
        self.server.serve(["two"])
        #expect(await keys.renewedKeys()?.knows("two") == true)
        #expect(self.server.fetches == 2)
        for _ in 0..<10 { #expect(await keys.renewedKeys() == nil) }
        self.server.advance(.seconds(5))
        #expect(await keys.renewedKeys() != nil)
        #expect(self.server.fetches == 3)
    }

    @Test("that were withdrawn are not known once their time is over")
    func withdrawn() async throws {
        let keys = self.server.makeKeys()
        _ = try await keys.keys(for: "one")
        self.server.serve(["two"])
        self.server.advance(.minutes(21))
        #expect(try await !keys.keys(for: "one").knows("one"))
    }

    @Test(
        "what is no key for checking is left out",
        arguments: [
            #"{"kty":"oct","kid":"a","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#,
            #"{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            #"{"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            #"{"kty":"OKP","crv":"Ed25519","key_ops":["sign"],"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            #"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, #"{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}"#, #"{}"#, "1",
        ])
    func unusable(key: String) async {
        await #expect(throws: JWKProblem.self) {
            try await JWTKeySet(json: Data(#"{"keys":[\#(key)]}"#.utf8), mayHoldSecrets: false)
        }
    }
}
