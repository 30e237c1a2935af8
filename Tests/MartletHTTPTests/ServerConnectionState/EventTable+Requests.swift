import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The cells of the events of a request that comes: its parts, and its beginning.
extension EventTable {
    static var receivedHead: [Cells] {
        [
            Cells(
                "begin /new +read",
                [.fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
            Cells("begin /new", [.readyInRead]),
            Cells(
                "nothing +read", .removings, .finisheds,
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingBody,
                    .decidingHeld, .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                    .stoppingTakeoverWrittenHeld,
                ]),
            Cells("pass head /new", .passings, .collectings, .receivings),
            Cells(
                "nothing +read +more",
                [
                    .answering, .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding,
                    .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                ]),
            Cells(
                "nothing +more",
                [
                    .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP,
                    .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead,
                ]),
            Cells(
                "nothing",
                [
                    .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                ]),
        ]
    }

    static var receivedBody: [Cells] {
        [
            Cells(
                "pass body xyz +read",
                [.fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
            Cells("pass body xyz", .passings, [.readyInRead]),
            Cells(
                "nothing +read", .removings, .finisheds,
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingBody,
                    .decidingHeld, .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                    .stoppingTakeoverWrittenHeld,
                ]),
            Cells("append xyz", .collectings),
            Cells(
                "nothing +read +more",
                [
                    .answering, .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding,
                    .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                ]),
            Cells(
                "nothing +more",
                [
                    .answeringInRead, .receiving, .receivingHTTP, .waitingForNone, .stoppingReplacementInRead,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP,
                    .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead,
                ]),
            Cells(
                "nothing",
                [
                    .receivingBody, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                ]),
        ]
    }

    static var receivedEnd: [Cells] {
        [
            Cells(
                "pass end +read",
                [.fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
            Cells("pass end", [.readyInRead]),
            Cells(
                "nothing +read", .removings, .finisheds,
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingBody,
                    .decidingHeld, .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                    .stoppingTakeoverWrittenHeld,
                ]),
            Cells("pass end -> ready", [.passing]),
            Cells("pass end and replace -> ready", [.passingStops]),
            Cells("answer 1 -> answering 1", [.collecting]),
            Cells("answer 1 -> answering 1 timer: stop", [.collectingDraining]),
            Cells(
                "nothing +read +more",
                [
                    .answering, .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding,
                    .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                ]),
            Cells(
                "nothing +more",
                [
                    .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHTTP,
                    .stoppingTakeoverInRead, .stoppingTakeoverWrittenInRead,
                ]),
            Cells("decide -> waiting timer: stop", [.receiving, .receivingBody]),
            Cells("nothing -> waiting timer: stop", [.receivingHTTP]),
            Cells(
                "nothing",
                [
                    .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInReadHeld,
                ]),
        ]
    }

    static var beginEndpoint: [Cells] {
        [
            Cells(
                "- -> collecting timer: stop", .receivings,
                [.fresh, .deciding, .decidingBody, .decidingHeld, .decidingHTTP, .finished, .finishedHTTP]),
            Cells(
                "- -> collecting", .passings, .waitings, .endings, .stoppingsInRead, .stoppingsBetweenReads,
                .removings,
                [
                    .ready, .readyInRead, .readyHeld, .readyHTTP, .readyInputEnded, .answering, .answeringInRead,
                    .answeringHeld, .answeringInputEnded, .answeringInputEndedHeld, .tookOver, .closed,
                ]),
            Cells(
                "- -> collecting timer: startDrain",
                [.readyDraining, .readyDrainingHTTP, .answeringDraining, .decidingDraining]),
            Cells("-", [.collecting]),
            Cells("- timer: startDrain", [.collectingDraining]),
        ]
    }

    static var beginTakeover: [Cells] {
        [
            Cells(
                "- -> receiving",
                [
                    .fresh, .collectingDraining, .deciding, .decidingHeld, .decidingHTTP, .decidingDraining,
                    .finished, .finishedHTTP,
                ]),
            Cells(
                "- -> receiving timer: startHandshake", .passings, .answerings, .waitings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings,
                [
                    .ready, .readyInRead, .readyHeld, .readyHTTP, .readyDraining, .readyDrainingHTTP,
                    .readyInputEnded, .collecting, .tookOver, .closed,
                ]),
            Cells("-", [.receiving, .receivingHTTP]),
            Cells("- -more", [.receivingBody]),
            Cells("- -> receiving -more", [.decidingBody]),
        ]
    }

    static var beginHTTP: [Cells] {
        [
            Cells(
                "- -> passing timer: stop +http",
                [
                    .fresh, .collectingDraining, .receiving, .receivingBody, .deciding, .decidingBody,
                    .decidingHeld, .decidingDraining, .finished,
                ]),
            Cells(
                "- -> passing +http", .answerings, .stoppingsBetweenReads,
                [
                    .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .collecting,
                    .waitingForNone, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                    .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .tookOver, .closed,
                ]),
            Cells(
                "- -> passing", .endings,
                [
                    .readyHTTP, .readyDrainingHTTP, .passingStops, .waiting, .waitingForTwo, .waitingHeld,
                    .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP,
                ]),
            Cells("-", [.passing]),
            Cells("- -> passing timer: stop", [.receivingHTTP, .decidingHTTP, .finishedHTTP]),
        ]
    }

    static var beginHTTPStops: [Cells] {
        [
            Cells(
                "- -> passing, stops timer: stop +http",
                [
                    .fresh, .collectingDraining, .receiving, .receivingBody, .deciding, .decidingBody,
                    .decidingHeld, .decidingDraining, .finished,
                ]),
            Cells(
                "- -> passing, stops +http", .answerings, .stoppingsBetweenReads,
                [
                    .ready, .readyInRead, .readyHeld, .readyDraining, .readyInputEnded, .collecting,
                    .waitingForNone, .stoppingReplacementInRead, .stoppingReplacementInReadHeld,
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeoverWrittenInRead,
                    .stoppingTakeoverWrittenInReadHeld, .removingReplacement, .removingTakeover, .tookOver, .closed,
                ]),
            Cells(
                "- -> passing, stops", .endings,
                [
                    .readyHTTP, .readyDrainingHTTP, .passing, .waiting, .waitingForTwo, .waitingHeld,
                    .stoppingReplacementWrittenInReadHTTP, .removingReplacementHTTP,
                ]),
            Cells("-", [.passingStops]),
            Cells("- -> passing, stops timer: stop", [.receivingHTTP, .decidingHTTP, .finishedHTTP]),
        ]
    }

    static var mayTakeWhole: [Cells] {
        [
            Cells("true", [.fresh, .ready, .readyInRead, .readyHTTP]),
            Cells(
                "false", .passings, .collectings, .answerings, .receivings, .waitings, .decidings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .removings, .finisheds,
                [.readyHeld, .readyDraining, .readyDrainingHTTP, .readyInputEnded]),
        ]
    }

    static var receivedWhole: [Cells] {
        [
            Cells("1 -> answering 1 timer: stop +read", [.fresh, .finishedHTTP]),
            Cells("2 -> answering 2 +read", [.ready, .readyDraining, .closed]),
            Cells("3 -> answering 3", [.readyInRead, .answeringInRead]),
            Cells(
                "3 -> answering 3 +read", .endings,
                [
                    .readyHeld, .readyInputEnded, .answering, .answeringHeld, .answeringInputEnded,
                    .answeringInputEndedHeld, .answeringDraining,
                ]),
            Cells(
                "1 -> answering 1 +read", .stoppingsBetweenReads, .removings,
                [.readyHTTP, .readyDrainingHTTP, .waiting, .waitingForTwo, .waitingHeld, .tookOver]),
            Cells("1 -> answering 1", .passings, .stoppingsInRead, [.collecting, .waitingForNone]),
            Cells("1 -> answering 1 timer: stop", .receivings, [.collectingDraining]),
            Cells("3 -> answering 3 timer: stop +read", .decidings, [.finished]),
        ]
    }

    static var hasMoreThanHead: [Cells] {
        [
            Cells(
                "false", .passings, .collectings, .removings, .finisheds,
                [
                    .fresh, .ready, .readyInRead, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded,
                    .answering, .answeringInRead, .answeringInputEnded, .answeringDraining, .receiving,
                    .receivingHTTP, .waiting, .waitingForTwo, .waitingForNone, .deciding, .decidingHTTP,
                    .decidingDraining, .endingHTTP, .stoppingReplacementInRead, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingReplacement, .stoppingTakeoverInRead,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeover,
                ]),
            Cells(
                "true",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .receivingBody, .waitingHeld,
                    .decidingBody, .decidingHeld, .endingHTTPHeld, .stoppingReplacementInReadHeld,
                    .stoppingReplacementWrittenInReadHeld, .stoppingReplacementHeld, .stoppingTakeoverInReadHeld,
                    .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
        ]
    }
}
