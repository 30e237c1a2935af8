import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// An event or a question that a connection may receive.
enum Event: String, CaseIterable {
    private typealias Fixture = ServerConnectionStateFixture

    case receivedHead
    case receivedBody
    case receivedEnd
    case beginEndpoint
    case beginTakeover
    case beginHTTP
    case beginHTTPStops
    case mayTakeWhole
    case receivedWhole
    case answered
    case answeredNoKeepAlive
    case answeredLate
    case httpAnswered
    case hasMoreThanHead
    case deciding
    case decided
    case decidedLate
    case refused
    case refusedStops
    case refusedMayNotStay
    case refusedNoKeepAlive
    case refusedHundredth
    case accepted
    case isEndingHTTP
    case tookOver
    case stopForReplacement
    case stopForReplacementWritten
    case stopForTakeover
    case stopForTakeoverWritten
    case written
    case isReceivingLeftovers
    case decoderRemoved
    case readCompleted
    case askToRead
    case askToReadUnwritable
    case releaseReadUnasked
    case releaseRead
    case releaseReadUnwritable
    case beginResuming
    case beginResumingTwice
    case nextHeld
    case endResuming
    case quiesced
    case inputEnded
    case failedParser
    case failedOther
    case refuseAndClose
    case finish
    case closed
    case opened
    case timerFired
    case idleTimerFired
    case idleTimerFiredOver
    case takeTimerChange

    /// Returns the effect of the event at a place: the result, and the changes it makes.
    func effect(at place: Place) -> String {
        let before = place.state
        var state = before
        var words = [self.send(to: &state)]
        if state.phase != before.phase { words.append("-> \(Fixture.describe(state.phase))") }
        if let change = state.takeTimerChange() { words.append("timer: \(change)") }
        let flags = zip(Self.flags(before), Self.flags(state))
        for (old, new) in flags where old.isSet != new.isSet { words.append("\(new.isSet ? "+" : "-")\(new.name)") }
        return words.joined(separator: " ")
    }

    private static func flags(_ state: ServerConnectionState) -> [(name: String, isSet: Bool)] {
        [
            ("read", state.isReading), ("more", state.hasMoreThanHead), ("http", state.hasHTTPSide),
            ("draining", state.isDraining),
        ]
    }

    private func send(to state: inout ServerConnectionState) -> String {
        switch self {
        case .receivedHead: return Fixture.describe(state.received(Fixture.head("/new")))
        case .receivedBody: return Fixture.describe(state.received(Fixture.body("xyz")))
        case .receivedEnd: return Fixture.describe(state.received(.end(nil)))
        case .beginEndpoint: state.begin(.endpoint, stopsDecoder: false)
        case .beginTakeover: state.begin(.takeover, stopsDecoder: true)
        case .beginHTTP: state.begin(.http, stopsDecoder: false)
        case .beginHTTPStops: state.begin(.http, stopsDecoder: true)
        case .mayTakeWhole: return "\(state.mayTakeWhole)"
        case .receivedWhole: return "\(state.receivedWhole())"
        case .answered: return Fixture.describe(state.answered(2, isKeepAlive: true))
        case .answeredNoKeepAlive: return Fixture.describe(state.answered(2, isKeepAlive: false))
        case .answeredLate: return Fixture.describe(state.answered(1, isKeepAlive: true))
        case .httpAnswered: return "\(state.httpAnswered())"
        case .hasMoreThanHead: return "\(state.hasMoreThanHead)"
        case .deciding: return "\(state.deciding())"
        case .decided: return "\(state.decided(2))"
        case .decidedLate: return "\(state.decided(1))"
        case .refused: return "\(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false))"
        case .refusedStops: return "\(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: true))"
        case .refusedMayNotStay: return "\(state.refused(mayStay: false, isKeepAlive: true, stopsDecoder: true))"
        case .refusedNoKeepAlive: return "\(state.refused(mayStay: true, isKeepAlive: false, stopsDecoder: true))"
        case .refusedHundredth:
            for _ in 1..<100 { _ = state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false) }
            return "\(state.refused(mayStay: true, isKeepAlive: true, stopsDecoder: false))"
        case .accepted: return "\(state.accepted())"
        case .isEndingHTTP: return "\(state.isEndingHTTP)"
        case .tookOver: state.tookOver()
        case .stopForReplacement: return "\(state.stopDecoder(for: .replacement, isWritten: false))"
        case .stopForReplacementWritten: return "\(state.stopDecoder(for: .replacement, isWritten: true))"
        case .stopForTakeover: return "\(state.stopDecoder(for: .takeover, isWritten: false))"
        case .stopForTakeoverWritten: return "\(state.stopDecoder(for: .takeover, isWritten: true))"
        case .written: return "\(state.written())"
        case .isReceivingLeftovers: return "\(state.isReceivingLeftovers)"
        case .decoderRemoved: return Fixture.describe(state.decoderRemoved())
        case .readCompleted: return "\(state.readCompleted())"
        case .askToRead: return "\(state.askToRead(isWritable: true))"
        case .askToReadUnwritable: return "\(state.askToRead(isWritable: false))"
        case .releaseReadUnasked: return "\(state.releaseRead(isWritable: true))"
        case .releaseRead:
            _ = state.askToRead(isWritable: false)
            // Only once.
            return "\(state.releaseRead(isWritable: true)) \(state.releaseRead(isWritable: true))"
        case .releaseReadUnwritable:
            _ = state.askToRead(isWritable: false)
            return "\(state.releaseRead(isWritable: false))"
        case .beginResuming: return "\(state.beginResuming())"
        case .beginResumingTwice: return "\(state.beginResuming()) \(state.beginResuming())"
        case .nextHeld: return state.nextHeld().map { Fixture.describe($0) } ?? "nil"
        case .endResuming:
            _ = state.beginResuming()
            // The next time may begin.
            return "\(Fixture.describe(state.endResuming())) \(state.beginResuming())"
        case .quiesced: return "\(state.quiesced())"
        case .inputEnded: return "\(state.inputEnded())"
        case .failedParser: return "\(state.failed(isOfParser: true))"
        case .failedOther: return "\(state.failed(isOfParser: false))"
        case .refuseAndClose: return "\(state.refuseAndClose())"
        case .finish: state.finish()
        case .closed: state.closed()
        case .opened: state.opened()
        case .timerFired: return "\(state.timerFired())"
        case .idleTimerFired: return "\(state.idleTimerFired(isOver: false))"
        case .idleTimerFiredOver: return "\(state.idleTimerFired(isOver: true))"
        case .takeTimerChange: return Fixture.describe(state.takeTimerChange())
        }
        return "-"
    }
}
