import HTTPTypes
import MartletProtocol
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// The client's side of the opening handshake: what is agreed on was offered.
enum ClientHandshakeTarget {
    private static let key = HandshakeKey("dGhlIHNhbXBsZSBub25jZQ==")
    private static let subprotocols = ["chat", "superchat"]

    static func run(_ input: inout FuzzInput) {
        let flags = input.byte()
        guard let key = Self.key, let head = HTTPHeads.response(input.rest()), let response = try? HTTPResponse(head)
        else {
            return
        }
        let offers = flags & 1 == 0 ? Self.subprotocols : []
        let compression = flags & 2 == 0 ? CompressionConfiguration() : nil
        guard let handshake = try? ClientHandshake(subprotocols: offers, compression: compression, key: key),
            let agreement = try? handshake.check(response)
        else { return }
        FuzzTarget.check(response.status == .switchingProtocols, "another status was taken for a 101")
        FuzzTarget.check(response.headerFields[.secWebSocketAccept] == key.accept, "the key was not answered")
        FuzzTarget.check(agreement.subprotocol.map(offers.contains) ?? true, "a subprotocol was not offered")
        FuzzTarget.check(agreement.compression == nil || compression != nil, "compression was not offered")
    }
}
