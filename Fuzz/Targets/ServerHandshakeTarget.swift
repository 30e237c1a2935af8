import HTTPTypes
import MartletProtocol
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// The server's side of the opening handshake: from the heads of NIO and of HTTPTypes it reads the same.
enum ServerHandshakeTarget {
    static func run(_ input: inout FuzzInput) {
        guard let head = HTTPHeads.request(input.rest()),
            let request = try? HTTPRequest(head, secure: false, splitCookie: false)
        else { return }
        let first = Result { () throws(HandshakeFailure) in try ServerHandshake(request: request) }
        let second = Result { () throws(HandshakeFailure) in
            try ServerHandshake(isGet: head.method == .GET, authority: request.authority) {
                request.headerFields[values: $0]
            }
        }
        switch (first, second) {
        case (.success(let one), .success(let other)):
            FuzzTarget.check(one == other, "a handshake is read differently")
            FuzzTarget.check(one.key != nil, "there is a handshake without a key")
            for offer in one.offeredSubprotocols {
                FuzzTarget.check(HTTPSyntax.isToken(offer), "a subprotocol is no token")
            }
        case (.failure(let one), .failure(let other)):
            FuzzTarget.check(one.status == other.status, "a handshake is refused differently")
            FuzzTarget.check((400..<500).contains(one.status), "a client's fault is not called one")
            _ = ServerHandshake.refusal(of: one)
        default: FuzzTarget.check(false, "a handshake is refused here and accepted there")
        }
    }
}
