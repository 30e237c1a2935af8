@testable import MartletProtocol

/// `Sec-WebSocket-Extensions`: what is read and written again is the same, and our own answer can be read.
enum ExtensionsTarget {
    static func run(_ input: inout FuzzInput) {
        let flags = input.byte()
        let text = input.text()
        _ = HeaderListParser.tokens([text])
        _ = HeaderListParser.upgradeProtocols([text])
        guard let offers = HeaderListParser.extensions([text]) else { return }
        for offer in offers where offer.parameters.allSatisfy({ $0.value.map(HTTPSyntax.isToken) ?? true }) {
            FuzzTarget.check(
                HeaderListParser.extensions([offer.description]) == [offer], "\(offer) is read differently")
        }
        var configuration = CompressionConfiguration()
        configuration.allowsContextTakeover = flags & 1 == 0
        configuration.maximumWindowBits = 9 + Int(flags >> 1) % 7
        configuration.maximumPeerWindowBits = 8 + Int(flags >> 4) % 8
        guard let (parameters, answer) = DeflateParameters.accept(offers, configuration: configuration) else { return }
        for role in [Role.server, .client] {
            FuzzTarget.check((8...15).contains(parameters.windowBits(of: role)), "there is no such window")
        }
        FuzzTarget.check(HeaderListParser.extensions([answer.description]) == [answer], "the answer is malformed")
    }
}
