import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1

@testable import MartletProxy

/// A WebSocket's opening handshake through the proxy: a request from the client, and an answer from the server behind
/// its empty line.
///
/// First byte: bit 0 demands a token, bit 1 allows a subprotocol, bit 2 compresses, bit 3 checks the origin.
enum ProxiedUpgradeTarget {
    static func run(_ input: inout FuzzInput) {
        let flags = input.byte()
        let (first, rest) = HTTPHeads.split(input.rest())
        guard let head = HTTPHeads.request(first),
            case .success(let checked) = RequestCheck.check(head, isHTTP2: false),
            checked.isUpgrade, let request = Self.request(head, checked, flags)
        else { return }
        var upgrade = ProxiedUpgrade(request)
        var action = upgrade.arrived(hasMore: false)
        if case .authenticate(let token) = action {
            FuzzTarget.check(!token.isEmpty, "there is an empty token")
            action = upgrade.authenticated(.user(token))
        }
        guard case .connect = action, case .send(let sent) = upgrade.connected(authority: nil) else { return }
        upgrade.sent()
        FuzzTarget.check(sent.headers["upgrade"] == ["websocket"], "the upstream is not asked for a WebSocket")
        FuzzTarget.check(sent.headers["sec-websocket-key"].count == 1, "the upstream is given no key")
        FuzzTarget.check(RequestCheck.fault(of: sent) == nil, "the upstream would refuse what it is sent")
        FuzzTarget.check(
            sent.headers.allSatisfy { !$0.value.utf8.contains(0x0A) && !$0.value.utf8.contains(0x0D) },
            "a header has a line end in it")
        guard let answer = HTTPHeads.response(HTTPHeads.split(rest).head) else { return }
        switch upgrade.answered(answer) {
        case .open(let headers, _):
            FuzzTarget.check(answer.status == .switchingProtocols, "another status opens a tunnel")
            FuzzTarget.check(headers["upgrade"] == ["websocket"], "the client is not told of its WebSocket")
            FuzzTarget.check(!headers.contains(name: "transfer-encoding"), "a 101 has a body")
        case .passRefusal(let refusal):
            FuzzTarget.check(refusal.status.code >= 200 && refusal.status.code != 101, "that is no refusal")
        case .nothing, .fail: break
        case .authenticate, .connect, .send, .breakOff: FuzzTarget.check(false, "that is no answer to an answer")
        }
    }

    private static func request(
        _ head: HTTPRequestHead, _ checked: RequestCheck.Checked, _ flags: UInt8
    ) -> ProxiedRequest? {
        var configuration = RouteConfiguration(upstream: "app")
        if flags & 1 != 0 { configuration.webSocket.authenticate = .init(userHeader: "X-User") { _ in nil } }
        if flags & 2 != 0 { configuration.webSocket.subprotocols = ["chat"] }
        configuration.webSocket.isCompressed = flags & 4 != 0
        if flags & 8 != 0 { configuration.webSocket.origin = .sameHost }
        guard let url = UpstreamURL("http://127.0.0.1:9000"),
            let group = try? UpstreamGroup(name: "app", UpstreamConfiguration(endpoints: [.init(url: url)]))
        else { return nil }
        let identity = ClientIdentity(peer: "192.0.2.7", isPeerTrusted: false, address: "192.0.2.7", isSecure: false)
        return ProxiedRequest(
            head: head, checked: checked, route: Route(configuration, group: group), identity: identity, isHTTP2: false,
            id: "0123456789abcdef")
    }
}
