import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The cells of the events that stop and remove the decoder.
extension EventTable {
    static var stopForReplacement: [Cells] {
        [
            Cells(
                "nothing -> stopping for replacement", .readies, .passings, .collectings, .answerings, .receivings,
                .waitings, .decidings, .endings, .removings,
                [
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld, .stoppingTakeover,
                    .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells(
                "nothing", .finisheds,
                [
                    .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacement,
                    .stoppingReplacementHeld,
                ]),
        ]
    }

    static var stopForReplacementWritten: [Cells] {
        [
            Cells(
                "remove -> removing for replacement",
                [
                    .fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded, .answering,
                    .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding, .decidingBody,
                    .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                    .removingTakeover,
                ]),
            Cells(
                "nothing -> stopping for replacement, written", .passings, .collectings, .receivings,
                [
                    .readyInRead, .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                    .stoppingReplacementInReadHeld, .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                    .stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld,
                ]),
            Cells("resume", [.readyHeld]),
            Cells(
                "resume -> ready",
                [
                    .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld, .endingHTTPHeld,
                    .stoppingReplacementHeld, .stoppingTakeoverHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells(
                "nothing", .finisheds,
                [
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementWrittenInReadHTTP,
                ]),
            Cells("remove", [.removingReplacement, .removingReplacementHTTP]),
        ]
    }

    static var stopForTakeover: [Cells] {
        [
            Cells(
                "nothing -> stopping for takeover", .readies, .passings, .collectings, .answerings, .receivings,
                .waitings, .decidings, .endings, .removings,
                [
                    .stoppingReplacementInRead, .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHeld, .stoppingReplacementWrittenInReadHTTP,
                    .stoppingReplacement, .stoppingReplacementHeld, .stoppingTakeoverWrittenInRead,
                    .stoppingTakeoverWrittenInReadHeld, .stoppingTakeoverWrittenHeld,
                ]),
            Cells(
                "nothing", .finisheds,
                [.stoppingTakeoverInRead, .stoppingTakeoverInReadHeld, .stoppingTakeover, .stoppingTakeoverHeld]),
        ]
    }

    static var stopForTakeoverWritten: [Cells] {
        [
            Cells(
                "remove -> removing for takeover",
                [
                    .fresh, .ready, .readyHTTP, .readyDraining, .readyDrainingHTTP, .readyInputEnded, .answering,
                    .answeringInputEnded, .answeringDraining, .waiting, .waitingForTwo, .deciding, .decidingBody,
                    .decidingHTTP, .decidingDraining, .endingHTTP, .stoppingReplacement, .stoppingTakeover,
                    .removingReplacement, .removingReplacementHTTP,
                ]),
            Cells(
                "nothing -> stopping for takeover, written", .passings, .collectings, .receivings,
                [
                    .readyInRead, .answeringInRead, .waitingForNone, .stoppingReplacementInRead,
                    .stoppingReplacementInReadHeld, .stoppingReplacementWrittenInRead,
                    .stoppingReplacementWrittenInReadHeld, .stoppingReplacementWrittenInReadHTTP,
                    .stoppingTakeoverInRead, .stoppingTakeoverInReadHeld,
                ]),
            Cells(
                "close -> stopping for takeover, written",
                [
                    .readyHeld, .answeringHeld, .answeringInputEndedHeld, .waitingHeld, .decidingHeld,
                    .endingHTTPHeld, .stoppingReplacementHeld, .stoppingTakeoverHeld,
                ]),
            Cells("nothing", .finisheds, [.stoppingTakeoverWrittenInRead, .stoppingTakeoverWrittenInReadHeld]),
            Cells("close", [.stoppingTakeoverWrittenHeld]),
            Cells("remove", [.removingTakeover]),
        ]
    }

    static var written: [Cells] {
        [
            Cells(
                "nothing", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                .endings, .removings, .finisheds,
                [
                    .stoppingReplacementWrittenInRead, .stoppingReplacementWrittenInReadHeld,
                    .stoppingReplacementWrittenInReadHTTP, .stoppingTakeoverWrittenInRead,
                    .stoppingTakeoverWrittenInReadHeld,
                ]),
            Cells(
                "nothing -> stopping for replacement, written",
                [.stoppingReplacementInRead, .stoppingReplacementInReadHeld]),
            Cells("remove -> removing for replacement", [.stoppingReplacement]),
            Cells("resume -> ready", [.stoppingReplacementHeld]),
            Cells(
                "nothing -> stopping for takeover, written",
                [.stoppingTakeoverInRead, .stoppingTakeoverInReadHeld]),
            Cells("remove -> removing for takeover", [.stoppingTakeover]),
            Cells("close -> stopping for takeover, written", [.stoppingTakeoverHeld]),
            Cells("close", [.stoppingTakeoverWrittenHeld]),
        ]
    }

    static var isReceivingLeftovers: [Cells] {
        [
            Cells(
                "false", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings,
                .endings, .stoppingsInRead, .stoppingsBetweenReads, .finisheds),
            Cells("true", .removings),
        ]
    }

    static var decoderRemoved: [Cells] {
        [
            Cells(
                "nil", .readies, .passings, .collectings, .answerings, .receivings, .waitings, .decidings, .endings,
                .stoppingsInRead, .stoppingsBetweenReads, .finisheds),
            Cells("replacement -> ready", [.removingReplacement, .removingReplacementHTTP]),
            Cells("takeover", [.removingTakeover]),
        ]
    }
}
