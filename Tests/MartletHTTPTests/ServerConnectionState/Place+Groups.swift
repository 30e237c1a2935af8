import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// Groups of places at which an event often has the same effect.
extension [Place] {
    static var readies: Self {
        [
            .fresh, .ready, .readyInRead, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
        ]
    }
    static var passings: Self { [.passing, .passingStops] }
    static var collectings: Self { [.collecting, .collectingDraining] }
    static var answerings: Self {
        [
            .answering, .answeringInRead, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld,
            .answeringDraining,
        ]
    }
    static var receivings: Self { [.receiving, .receivingBody, .receivingHTTP] }
    static var waitings: Self { [.waiting, .waitingForTwo, .waitingHeld, .waitingForNone] }
    static var decidings: Self {
        [
            .deciding, .decidingBody, .decidingHeld, .decidingHTTP, .decidingDraining,
        ]
    }
    static var endings: Self { [.endingHTTP, .endingHTTPHeld] }
    static var stoppingsInRead: Self {
        [
            .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
            .stoppingReplacementWrittenInReadHeld, .stoppingReplacementWrittenInReadHTTP, .stoppingTakeoverInRead,
            .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld,
        ]
    }
    static var stoppingsBetweenReads: Self {
        [
            .stoppingReplacement, .stoppingReplacementHeld, .stoppingTakeover, .stoppingTakeoverHeld,
            .stoppingTakeoverWrittenHeld,
        ]
    }
    static var removings: Self { [.removingReplacement, .removingReplacementHTTP, .removingTakeover] }
    static var finisheds: Self { [.finished, .finishedHTTP, .tookOver, .closed] }
    static var everywhere: Self {
        [
            Self.readies, Self.passings, Self.collectings, Self.answerings, Self.receivings, Self.waitings,
            Self.decidings, Self.endings, Self.stoppingsInRead, Self.stoppingsBetweenReads, Self.removings,
            Self.finisheds,
        ].flatMap { $0 }
    }
}
