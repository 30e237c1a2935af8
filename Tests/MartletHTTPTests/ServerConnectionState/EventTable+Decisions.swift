import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The cells of answers to requests, and of decisions about requests for the connection.
extension EventTable {
    static var answered: [Cells] {
        [
            Cells(
                "nil", .readies, .passings, .collectings, .receivings, .waitings, .decidings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
            Cells("true -> ready", [.answering, .answeringInRead, .answeringHeld, .answeringInputEndedHeld]),
            Cells("false -> finished timer: startHandshake", [.answeringInputEnded, .answeringDraining]),
        ]
    }

    static var answeredNoKeepAlive: [Cells] {
        [
            Cells(
                "nil", .readies, .passings, .collectings, .receivings, .waitings, .decidings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
            Cells(
                "false -> finished timer: startHandshake",
                [.answering, .answeringInRead, .answeringInputEnded, .answeringDraining]),
            Cells("false -> finished timer: startHandshake -more", [.answeringHeld, .answeringInputEndedHeld]),
        ]
    }

    static var answeredLate: [Cells] {
        [
            Cells("nil", .everywhere)
        ]
    }

    static var httpAnswered: [Cells] {
        [
            Cells(
                "nothing", .readies, .passings, .collectings, .answerings, .receivings, .decidings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds,
                [.waitingForTwo, .waitingForNone]),
            Cells("decide", [.waiting, .waitingHeld]),
        ]
    }

    static var deciding: [Cells] {
        [
            Cells(
                "1 -> deciding 1 timer: startHandshake", .passings, .collectings, .receivings, .waitings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings,
                [.fresh, .readyHTTP, .readyDrainingHTTP, .finishedHTTP, .tookOver]),
            Cells("2 -> deciding 2 timer: startHandshake", [.ready, .readyDraining, .closed]),
            Cells(
                "3 -> deciding 3 timer: startHandshake", .answerings, .decidings, .endings,
                [.readyInRead, .readyHeld, .readyInputEnded, .finished]),
        ]
    }

    static var decided: [Cells] {
        [
            Cells(
                "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
            Cells("true timer: stop", .decidings),
        ]
    }

    static var decidedLate: [Cells] {
        [
            Cells("false", .everywhere)
        ]
    }

    static var refused: [Cells] {
        [
            Cells("stay timer: startHandshake", [.fresh, .ready, .readyInRead, .readyHeld, .readyInputEnded]),
            Cells("stay", [.readyHTTP]),
            Cells(
                "close -> finished timer: startHandshake",
                [.readyDraining, .readyDrainingHTTP, .collectingDraining, .answeringDraining, .decidingDraining]),
            Cells(
                "stay -> ready", .passings, .endings,
                [
                    .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld, .decidingHTTP,
                    .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                ]),
            Cells(
                "stay -> ready timer: startHandshake", .stoppingsBetweenReads,
                [
                    .collecting, .answering, .answeringInRead, .answeringHeld, .answeringInputEnded,
                    .answeringInputEndedHeld, .receiving, .receivingBody, .waitingForNone, .deciding, .decidingBody,
                    .decidingHeld, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                    .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .finished,
                    .tookOver, .closed,
                ]),
        ]
    }

    static var refusedStops: [Cells] {
        [
            Cells(
                "replaceDecoder timer: startHandshake",
                [.fresh, .ready, .readyInRead, .readyHeld, .readyInputEnded]),
            Cells("replaceDecoder", [.readyHTTP]),
            Cells(
                "close -> finished timer: startHandshake",
                [.readyDraining, .readyDrainingHTTP, .collectingDraining, .answeringDraining, .decidingDraining]),
            Cells(
                "replaceDecoder -> ready", .passings, .endings,
                [
                    .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld, .decidingHTTP,
                    .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                ]),
            Cells(
                "replaceDecoder -> ready timer: startHandshake", .stoppingsBetweenReads,
                [
                    .collecting, .answering, .answeringInRead, .answeringHeld, .answeringInputEnded,
                    .answeringInputEndedHeld, .receiving, .receivingBody, .waitingForNone, .deciding, .decidingBody,
                    .decidingHeld, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                    .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .finished,
                    .tookOver, .closed,
                ]),
        ]
    }

    static var refusedMayNotStay: [Cells] {
        [
            Cells(
                "close -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                    .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                    .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "close -> finished timer: startHandshake -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells("close timer: startHandshake", .finisheds),
        ]
    }

    static var refusedNoKeepAlive: [Cells] {
        [
            Cells(
                "close -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                    .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                    .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "close -> finished timer: startHandshake -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells("close timer: startHandshake", .finisheds),
        ]
    }

    static var refusedHundredth: [Cells] {
        [
            Cells(
                "close -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                    .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                    .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "close -> finished timer: startHandshake -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells("close timer: startHandshake", .finisheds),
        ]
    }

    static var accepted: [Cells] {
        [
            Cells(
                "takeOver", .collectings, .answerings, .stoppingsBetweenReads,
                [
                    .fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .receiving,
                    .receivingBody, .waitingForNone, .deciding, .decidingBody, .decidingHeld, .decidingDraining,
                    .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld, .removingReplacement,
                    .removingTakeover, .finished, .tookOver, .closed,
                ]),
            Cells(
                "endHTTP -> ending HTTP", .passings,
                [
                    .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                    .decidingHTTP, .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                ]),
            Cells("endHTTP", .endings),
        ]
    }

    static var isEndingHTTP: [Cells] {
        [
            Cells(
                "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds),
            Cells("true", .endings),
        ]
    }

    static var tookOver: [Cells] {
        [
            Cells(
                "- -> finished", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                .endings, .stoppingsInRead, .stoppingsBetweenReads, .removings),
            Cells("-", .finisheds),
        ]
    }
}
