import HTTPTypes
import Testing

@testable import MartletProtocol

@Suite("Negotiation of permessage-deflate")
struct DeflateParametersTests {
    static func configuration(
        takeover: Bool = true, bits: Int = 15, peerBits: Int = 15
    ) -> CompressionConfiguration {
        var configuration = CompressionConfiguration()
        configuration.allowsContextTakeover = takeover
        configuration.maximumWindowBits = bits
        configuration.maximumPeerWindowBits = peerBits
        return configuration
    }

    private static let name = "permessage-deflate"

    static let offers: [(offer: String, configuration: CompressionConfiguration, answer: String?)] = [
        (name, configuration(), name),
        ("x-unknown, \(name)", configuration(), name),
        ("x-unknown", configuration(), nil),
        (name, configuration(takeover: false), "\(name); server_no_context_takeover; client_no_context_takeover"),
        ("\(name); server_no_context_takeover", configuration(), "\(name); server_no_context_takeover"),
        ("\(name); client_no_context_takeover", configuration(), "\(name); client_no_context_takeover"),
        ("\(name); server_max_window_bits=10", configuration(), "\(name); server_max_window_bits=10"),
        ("\(name); server_max_window_bits=\"10\"", configuration(), "\(name); server_max_window_bits=10"),
        ("\(name); server_max_window_bits=10", configuration(bits: 9), "\(name); server_max_window_bits=9"),
        (name, configuration(bits: 9), "\(name); server_max_window_bits=9"),
        ("\(name); client_max_window_bits", configuration(), name),
        ("\(name); client_max_window_bits", configuration(peerBits: 12), "\(name); client_max_window_bits=12"),
        ("\(name); client_max_window_bits=10", configuration(), "\(name); client_max_window_bits=10"),
        ("\(name); client_max_window_bits=10", configuration(peerBits: 8), "\(name); client_max_window_bits=8"),
        // A client that does not offer it cannot be limited.
        (name, configuration(peerBits: 8), name),
        // Invalid offers are ignored (RFC 7692, section 7.1).
        ("\(name); server_max_window_bits", configuration(), nil),
        ("\(name); server_max_window_bits=7", configuration(), nil),
        ("\(name); server_max_window_bits=16", configuration(), nil),
        ("\(name); server_max_window_bits=08", configuration(), nil),
        ("\(name); server_max_window_bits=99999999999999999999", configuration(), nil),
        ("\(name); client_max_window_bits=1e1", configuration(), nil),
        ("\(name); server_no_context_takeover=1", configuration(), nil),
        ("\(name); server_no_context_takeover; server_no_context_takeover", configuration(), nil),
        ("\(name); server_max_window_bits=10; server_max_window_bits=10", configuration(), nil),
        ("\(name); foo", configuration(), nil),
        ("\(name); foo, \(name); client_max_window_bits", configuration(), name),
        ("\(name); server_max_window_bits=16, \(name)", configuration(), name),
    ]

    @Test("the server accepts the first offer that it can", arguments: offers.indices)
    func server(_ index: Int) throws {
        let test = Self.offers[index]
        let offered = try #require(HeaderListParser.extensions([test.offer]))
        let accepted = DeflateParameters.accept(offered, configuration: test.configuration)
        #expect(accepted?.answer.description == test.answer, "\(test.offer)")
    }

    static let answers: [(answer: String, configuration: CompressionConfiguration, isAccepted: Bool)] = [
        (name, configuration(), true),
        ("\(name); server_no_context_takeover; client_no_context_takeover", configuration(), true),
        ("\(name); client_max_window_bits=9", configuration(), true),
        ("\(name); client_max_window_bits=9", configuration(bits: 8), false),
        ("\(name); client_max_window_bits", configuration(), false),
        ("\(name); server_max_window_bits=9", configuration(), true),
        ("\(name); server_max_window_bits=9", configuration(peerBits: 9), true),
        ("\(name); server_max_window_bits=10", configuration(peerBits: 9), false),
        (name, configuration(peerBits: 9), false),
        (name, configuration(takeover: false), false),
        ("\(name); server_no_context_takeover", configuration(takeover: false), true),
        ("\(name); server_max_window_bits=16", configuration(), false),
        ("\(name); foo=1", configuration(), false),
        ("\(name), \(name)", configuration(), false),
        ("x-other", configuration(), false),
    ]

    @Test("the client takes no answer that it did not ask for", arguments: answers.indices)
    func client(_ index: Int) throws {
        let test = Self.answers[index]
        let handshake = try ClientHandshake(compression: test.configuration)
        let response = HTTPResponse(
            status: .switchingProtocols,
            headerFields: [
                .upgrade: "websocket", .connection: "Upgrade", .secWebSocketAccept: handshake.key.accept,
                .secWebSocketExtensions: test.answer,
            ])
        let agreement = try? handshake.check(response)
        #expect((agreement?.compression != nil) == test.isAccepted, "\(test.answer)")
    }

    @Test("whatever a client of ours offers, a server of ours answers so that the client accepts it")
    func everyPair() throws {
        for takeover in [true, false] {
            for bits in 8...15 {
                for serverBits in 8...15 {
                    let client = Self.configuration(takeover: takeover, bits: bits, peerBits: serverBits)
                    let offer = DeflateParameters.offer(client)
                    for server in [Self.configuration(), Self.configuration(takeover: false, bits: 10, peerBits: 11)] {
                        let accepted = try #require(DeflateParameters.accept([offer], configuration: server))
                        let checked = try DeflateParameters.check(accepted.answer, configuration: client)
                        #expect(checked.serverMaximumWindowBits == accepted.parameters.serverMaximumWindowBits)
                        #expect(checked.clientMaximumWindowBits <= accepted.parameters.clientMaximumWindowBits)
                        #expect(accepted.parameters.serverMaximumWindowBits <= serverBits)
                        #expect(checked.serverNoContextTakeover == accepted.parameters.serverNoContextTakeover)
                    }
                }
            }
        }
    }
}
