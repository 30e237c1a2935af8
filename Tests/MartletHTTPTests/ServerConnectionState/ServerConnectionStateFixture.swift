import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

/// The helpers of all suites about ``ServerConnectionState``: parts of requests, and actions as text.
enum ServerConnectionStateFixture {
    static func head(_ uri: String) -> HTTPServerRequestPart { .head(.init(version: .http1_1, method: .GET, uri: uri)) }

    static func body(_ text: String) -> HTTPServerRequestPart { .body(ByteBuffer(string: text)) }

    static func describe(_ part: HTTPServerRequestPart) -> String {
        switch part {
        case .head(let head): "head \(head.uri)"
        case .body(let bytes): "body \(String(buffer: bytes))"
        case .end: "end"
        }
    }

    static func describe(_ action: ServerConnectionState.PartAction) -> String {
        switch action {
        case .nothing: "nothing"
        case .begin(let head): "begin \(head.uri)"
        case .append(let bytes): "append \(String(buffer: bytes))"
        case .answer(let question): "answer \(question)"
        case .decide: "decide"
        case .pass(let part): "pass \(Self.describe(part))"
        case .passAndReplaceDecoder(let part): "pass \(Self.describe(part)) and replace"
        }
    }

    static func describe(_ phase: ServerConnectionState.Phase) -> String {
        switch phase {
        case .ready: "ready"
        case .passing(let stopsDecoder): stopsDecoder ? "passing, stops" : "passing"
        case .postponed: "postponed"
        case .collecting: "collecting"
        case .answering(let question): "answering \(question)"
        case .receiving: "receiving"
        case .waiting: "waiting"
        case .deciding(let question): "deciding \(question)"
        case .endingHTTP: "ending HTTP"
        case .stoppingDecoder(let removal, let isWritten): "stopping for \(removal)\(isWritten ? ", written" : "")"
        case .removingDecoder(let removal): "removing for \(removal)"
        case .finished: "finished"
        }
    }

    static func describe(_ action: ServerConnectionState.ResumeAction) -> String {
        switch action {
        case .drain(let action): "drain by \(action)"
        default: "\(action)"
        }
    }

    static func describe(_ value: (some Any)?) -> String { value.map { "\($0)" } ?? "nil" }

    /// Goes on with what is held, as the shell does.
    static func resume(
        _ state: inout ServerConnectionState,
        _ perform: (inout ServerConnectionState, ServerConnectionState.PartAction) -> Void
    ) -> ServerConnectionState.ResumeAction {
        #expect(state.beginResuming() == true)
        while let action = state.nextHeld() { perform(&state, action) }
        return state.endResuming()
    }
}
