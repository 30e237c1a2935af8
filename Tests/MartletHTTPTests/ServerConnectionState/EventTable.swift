import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The effect of each event at each place. The cells of each event are in the extensions.
enum EventTable {
    /// Places at which an event has the same effect.
    struct Cells {
        /// The result of the event, and the changes it makes: see ``Event/effect(at:)``.
        let effect: String
        let places: [Place]

        init(_ effect: String, _ places: [Place]...) {
            self.effect = effect
            self.places = places.flatMap { $0 }
        }
    }

    /// - Returns: cells that together have each place exactly once.
    static func expectations(of event: Event) -> [Cells] {
        Self.cells(of: event) + (Self.postponed[event].map { [Cells($0, [.postponed])] } ?? [])
    }

    private static func cells(of event: Event) -> [Cells] {
        switch event {
        case .receivedHead: Self.receivedHead
        case .receivedBody: Self.receivedBody
        case .receivedEnd: Self.receivedEnd
        case .beginEndpoint: Self.beginEndpoint
        case .beginTakeover: Self.beginTakeover
        case .beginHTTP: Self.beginHTTP
        case .beginHTTPStops: Self.beginHTTPStops
        case .mayTakeWhole: Self.mayTakeWhole
        case .receivedWhole: Self.receivedWhole
        case .answered: Self.answered
        case .answeredNoKeepAlive: Self.answeredNoKeepAlive
        case .answeredLate: Self.answeredLate
        case .httpAnswered: Self.httpAnswered
        case .hasMoreThanHead: Self.hasMoreThanHead
        case .deciding: Self.deciding
        case .decided: Self.decided
        case .decidedLate: Self.decidedLate
        case .refused: Self.refused
        case .refusedStops: Self.refusedStops
        case .refusedMayNotStay: Self.refusedMayNotStay
        case .refusedNoKeepAlive: Self.refusedNoKeepAlive
        case .refusedHundredth: Self.refusedHundredth
        case .accepted: Self.accepted
        case .isEndingHTTP: Self.isEndingHTTP
        case .tookOver: Self.tookOver
        case .stopForReplacement: Self.stopForReplacement
        case .stopForReplacementWritten: Self.stopForReplacementWritten
        case .stopForTakeover: Self.stopForTakeover
        case .stopForTakeoverWritten: Self.stopForTakeoverWritten
        case .written: Self.written
        case .isReceivingLeftovers: Self.isReceivingLeftovers
        case .decoderRemoved: Self.decoderRemoved
        case .readCompleted: Self.readCompleted
        case .askToRead: Self.askToRead
        case .askToReadUnwritable: Self.askToReadUnwritable
        case .releaseReadUnasked: Self.releaseReadUnasked
        case .releaseRead: Self.releaseRead
        case .releaseReadUnwritable: Self.releaseReadUnwritable
        case .beginResuming: Self.beginResuming
        case .beginResumingTwice: Self.beginResumingTwice
        case .nextHeld: Self.nextHeld
        case .endResuming: Self.endResuming
        case .quiesced: Self.quiesced
        case .inputEnded: Self.inputEnded
        case .failedParser: Self.failedParser
        case .failedOther: Self.failedOther
        case .refuseAndClose: Self.refuseAndClose
        case .finish: Self.finish
        case .closed: Self.closed
        case .opened: Self.opened
        case .timerFired: Self.timerFired
        case .idleTimerFired: Self.idleTimerFired
        case .idleTimerFiredOver: Self.idleTimerFiredOver
        case .takeTimerChange: Self.takeTimerChange
        }
    }
}
