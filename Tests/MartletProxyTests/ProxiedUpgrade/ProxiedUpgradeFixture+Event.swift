import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

extension ProxiedUpgradeFixture {
    /// An event that an upgrade may receive.
    enum Event: CaseIterable {
        case arrived, arrivedWithMore
        case user, unusableUser, invalid, unavailable
        case connected, sent
        case switching, wrongUpgrade, wrongConnection, wrongAccept, wrongSubprotocol, wrongExtension, body
        case `continue`, earlyHints, ok, unauthorized, upgradeRequired, noContent, notModified
        case refusalEnded, closed, malformed, timedOut, abandoned

        func happen(to upgrade: inout ProxiedUpgrade) -> ProxiedUpgrade.Action {
            switch self {
            case .arrived: upgrade.arrived(hasMore: false)
            case .arrivedWithMore: upgrade.arrived(hasMore: true)
            case .user: upgrade.authenticated(.user("eve"))
            case .unusableUser: upgrade.authenticated(.user("eve\r\nX-Admin: 1"))
            case .invalid: upgrade.authenticated(.invalid)
            case .unavailable: upgrade.authenticated(.unavailable)
            case .connected: upgrade.connected(authority: ProxiedUpgradeFixture.authority)
            case .switching, .wrongUpgrade, .wrongConnection, .wrongAccept, .wrongSubprotocol, .wrongExtension, .body,
                .continue, .earlyHints, .ok, .unauthorized, .upgradeRequired, .noContent, .notModified:
                upgrade.answered(self.answer)
            case .closed: upgrade.ended(.closed)
            case .malformed: upgrade.ended(.malformed)
            case .timedOut: upgrade.timedOut()
            case .sent, .refusalEnded, .abandoned: self.note(in: &upgrade)
            }
        }

        /// Performs the events that are never answered.
        private func note(in upgrade: inout ProxiedUpgrade) -> ProxiedUpgrade.Action {
            switch self {
            case .sent: upgrade.sent()
            case .refusalEnded: upgrade.refusalEnded()
            default: upgrade.abandoned()
            }
            return .nothing
        }

        private var answer: HTTPResponseHead {
            ProxiedUpgradeFixture.switching { headers in
                switch self {
                case .wrongUpgrade: headers.replaceOrAdd(name: "Upgrade", value: "h2c")
                case .wrongConnection: headers.replaceOrAdd(name: "Connection", value: "close")
                case .wrongAccept: headers.replaceOrAdd(name: "Sec-WebSocket-Accept", value: ProxiedUpgradeFixture.key)
                case .wrongSubprotocol: headers.add(name: "Sec-WebSocket-Protocol", value: "chat")
                case .wrongExtension: headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
                case .body: headers.add(name: "Content-Length", value: "1")
                default: break
                }
            }.with(self.status)
        }

        private var status: HTTPResponseStatus {
            switch self {
            case .continue: .continue
            case .earlyHints: .custom(code: 103, reasonPhrase: "Early Hints")
            case .ok: .ok
            case .unauthorized: .unauthorized
            case .upgradeRequired: .upgradeRequired
            case .noContent: .noContent
            case .notModified: .notModified
            default: .switchingProtocols
            }
        }
    }
}

extension HTTPResponseHead {
    fileprivate func with(_ status: HTTPResponseStatus) -> HTTPResponseHead {
        HTTPResponseHead(version: self.version, status: status, headers: self.headers)
    }
}
