import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The cells of reads, and of going on with what is held.
extension EventTable {
    static var readCompleted: [Cells] {
        [
            Cells(
                "nothing", .decidings, .endings, .removings, .finisheds,
                [
                    .fresh, .ready, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld, .answeringDraining,
                    .waiting, .waitingForTwo, .waitingHeld, .stoppingReplacement, .stoppingReplacementHeld,
                    .stoppingTakeover, .stoppingTakeoverHeld,
                ]),
            Cells(
                "nothing -read", .passings, .collectings, .receivings,
                [
                    .readyInRead, .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                    .stoppingReplacementInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                ]),
            Cells(
                "remove -> removing for replacement -read",
                [.stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP]),
            Cells("resume -> ready -read", [.stoppingReplacementWrittenInReadHeld]),
            Cells("remove -> removing for takeover -read", [.stoppingTakeoverWrittenInRead]),
            Cells("close -read", [.stoppingTakeoverWrittenInReadHeld]),
            Cells("close", [.stoppingTakeoverWrittenHeld]),
        ]
    }

    static var askToRead: [Cells] {
        [
            Cells(
                "true", .readies, .passings, .collectings, .receivings, .finisheds,
                [.answering, .answeringInRead, .answeringDraining]),
            Cells(
                "false", .waitings, .decidings, .endings, .stoppingsInRead, .stoppingsBetweenReads, .removings,
                [.answeringHeld, .answeringInputEnded, .answeringInputEndedHeld]),
        ]
    }

    static var askToReadUnwritable: [Cells] {
        [
            Cells(
                "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                .endings, .stoppingsInRead, .stoppingsBetweenReads, .removings),
            Cells("true", .finisheds),
        ]
    }

    static var releaseReadUnasked: [Cells] {
        [
            Cells("false", .everywhere)
        ]
    }

    static var releaseRead: [Cells] {
        [
            Cells(
                "true false", .passings, .collectings, .receivings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringDraining,
                ]),
            Cells(
                "false false", .waitings, .decidings, .endings, .stoppingsInRead, .stoppingsBetweenReads,
                .removings, .finisheds,
                [.readyHeld, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld]),
        ]
    }

    static var releaseReadUnwritable: [Cells] {
        [
            Cells("false", .everywhere)
        ]
    }

    static var beginResuming: [Cells] {
        [
            Cells("true", .everywhere)
        ]
    }

    static var beginResumingTwice: [Cells] {
        [
            Cells("true false", .everywhere)
        ]
    }

    static var nextHeld: [Cells] {
        [
            Cells(
                "nil", .passings, .collectings, .answerings, .receivings, .waitings, .decidings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds,
                [.fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
            Cells("begin /held", [.readyHeld]),
        ]
    }

    static var endResuming: [Cells] {
        [
            Cells(
                "read true", .passings, .collectings, .receivings, .removings, .finisheds,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .answering, .answeringInRead, .answeringInputEnded,
                    .answeringDraining, .waiting, .waitingForTwo, .waitingForNone, .deciding, .decidingBody,
                    .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacementInRead,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement,
                    .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "nothing true",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells("drain by close true", [.readyDraining]),
            Cells("drain by tellHTTP true", [.readyDrainingHTTP]),
            Cells("close true -> finished timer: startHandshake", [.readyInputEnded]),
        ]
    }
}
