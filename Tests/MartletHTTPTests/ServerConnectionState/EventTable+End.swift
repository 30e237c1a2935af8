import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The cells of the connection's end and that of its input, of errors, and of the timers.
extension EventTable {
    static var quiesced: [Cells] {
        [
            Cells("close +draining", [.fresh, .ready, .readyInRead, .readyHeld, .readyInputEnded]),
            Cells("tellHTTP +draining", .passings, [.readyHTTP]),
            Cells("close", [.readyDraining]),
            Cells("tellHTTP", [.readyDrainingHTTP]),
            Cells("nothing timer: startDrain +draining", [.collecting]),
            Cells("nothing timer: startDrain", [.collectingDraining]),
            Cells(
                "nothing +draining", .receivings, .waitings, .endings, .stoppingsInRead, .stoppingsBetweenReads,
                .removings, .finisheds,
                [
                    .answering, .answeringInRead, .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld,
                    .deciding, .decidingBody, .decidingHeld, .decidingHTTP,
                ]),
            Cells("nothing", [.answeringDraining, .decidingDraining]),
        ]
    }

    static var inputEnded: [Cells] {
        [
            Cells(
                "close", .collectings, .stoppingsBetweenReads,
                [
                    .fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .receiving,
                    .receivingBody, .waitingForNone, .deciding, .decidingBody, .decidingHeld, .decidingDraining,
                    .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld, .removingReplacement,
                    .removingTakeover, .finished, .tookOver, .closed,
                ]),
            Cells(
                "tellHTTP", .passings, .endings,
                [
                    .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                    .decidingHTTP, .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP, .finishedHTTP,
                ]),
            Cells("nothing", .answerings),
        ]
    }

    static var failedParser: [Cells] {
        [
            Cells(
                "refuse -> finished timer: startHandshake", .collectings,
                [
                    .fresh, .ready, .readyInRead, .readyDraining, .readyInputEnded, .receiving, .receivingBody,
                    .waitingForNone, .deciding, .decidingBody, .decidingDraining,
                ]),
            Cells("refuse -> finished timer: startHandshake -more", [.readyHeld, .decidingHeld]),
            Cells(
                "tellHTTP", .passings, .endings,
                [
                    .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                    .decidingHTTP, .finishedHTTP,
                ]),
            Cells("nothing", .answerings, [.finished, .tookOver, .closed]),
            Cells("close", .stoppingsInRead, .stoppingsBetweenReads, .removings),
        ]
    }

    static var failedOther: [Cells] {
        [
            Cells(
                "tellAndClose", .collectings, .answerings,
                [
                    .fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .receiving,
                    .receivingBody, .waitingForNone, .deciding, .decidingBody, .decidingHeld, .decidingDraining,
                    .finished, .tookOver, .closed,
                ]),
            Cells(
                "tellHTTP", .passings, .endings,
                [
                    .readyHTTP, .readyDrainingHTTP, .receivingHTTP, .waiting, .waitingForTwo, .waitingHeld,
                    .decidingHTTP, .finishedHTTP,
                ]),
            Cells("close", .stoppingsInRead, .stoppingsBetweenReads, .removings),
        ]
    }

    static var refuseAndClose: [Cells] {
        [
            Cells(
                "true -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                    .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                    .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "true -> finished timer: startHandshake -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells("false", .finisheds),
        ]
    }

    static var finish: [Cells] {
        [
            Cells(
                "- -> finished timer: startHandshake", .passings, .collectings, .receivings, .removings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                    .waitingForTwo, .waitingForNone, .deciding, .decidingBody, .decidingHTTP, .decidingDraining,
                    .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "- -> finished timer: startHandshake -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells("- timer: startHandshake", .finisheds),
        ]
    }

    static var closed: [Cells] {
        [
            Cells(
                "- -> finished timer: stop", .receivings,
                [.fresh, .collectingDraining, .deciding, .decidingBody, .decidingHTTP, .decidingDraining]),
            Cells(
                "- -> finished", .passings, .removings,
                [
                    .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .collecting, .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .waiting,
                    .waitingForTwo, .waitingForNone, .endingHTTP, .stoppingReplacementInRead,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement,
                    .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "- -> finished -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .endingHTTPHeld,
                    .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld, .stoppingReplacementHeld,
                    .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverHeld,
                    .stoppingTakeoverWrittenHeld,
                ]),
            Cells("- -> finished timer: stop -more", [.decidingHeld]),
            Cells("- timer: stop", [.finished, .finishedHTTP]),
            Cells("-", [.tookOver, .closed]),
        ]
    }

    static var opened: [Cells] {
        [
            Cells("- timer: startHandshake", .everywhere)
        ]
    }

    static var timerFired: [Cells] {
        [
            Cells(
                "refuse -> finished timer: startHandshake", .passings, .collectings, .removings,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .receiving,
                    .receivingBody, .waiting, .waitingForTwo, .waitingForNone, .endingHTTP,
                    .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "refuse -> finished timer: startHandshake -more",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .endingHTTPHeld,
                    .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld, .stoppingReplacementHeld,
                    .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverHeld,
                    .stoppingTakeoverWrittenHeld,
                ]),
            Cells("close", .finisheds, [.receivingHTTP]),
            Cells("refuseDecision", .decidings),
        ]
    }

    static var idleTimerFired: [Cells] {
        [
            Cells(
                "waitForRest", .collectings,
                [.fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded]),
            Cells(
                "nothing", .passings, .receivings, .waitings, .decidings, .endings, .stoppingsInRead,
                .stoppingsBetweenReads, .removings, .finisheds,
                [.readyHTTP, .readyDrainingHTTP]),
            Cells("waitAgain", .answerings),
        ]
    }

    static var idleTimerFiredOver: [Cells] {
        [
            Cells("close", [.fresh, .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded]),
            Cells(
                "nothing", .passings, .receivings, .waitings, .decidings, .endings, .stoppingsInRead,
                .stoppingsBetweenReads, .removings, .finisheds,
                [.readyHTTP, .readyDrainingHTTP]),
            Cells("refuse -> finished timer: startHandshake", .collectings),
            Cells("waitAgain", .answerings),
        ]
    }

    static var takeTimerChange: [Cells] {
        [
            Cells("nil", .everywhere)
        ]
    }
}
