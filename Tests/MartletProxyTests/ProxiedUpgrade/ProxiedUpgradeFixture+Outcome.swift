import HTTPTypes
import MartletHTTP
import MartletProtocol
import MartletWebSocket
import NIOHTTP1
import Testing

@testable import MartletProxy

extension ProxiedUpgradeFixture {
    /// An action, as far as a table says what it is.
    enum Outcome: Hashable {
        case nothing
        case authenticate(String)
        case connect
        case send
        case passRefusal(UInt)
        case open
        case fail(Int, fault: String?)
        case breakOff(String)

        init(_ action: ProxiedUpgrade.Action) {
            switch action {
            case .nothing: self = .nothing
            case .authenticate(let token): self = .authenticate(token)
            case .connect: self = .connect
            case .send: self = .send
            case .passRefusal(let head): self = .passRefusal(head.status.code)
            case .open: self = .open
            case .fail(let refusal, let fault): self = .fail(refusal.status.code, fault: fault)
            case .breakOff(let reason): self = .breakOff(reason)
            }
        }
    }
}
