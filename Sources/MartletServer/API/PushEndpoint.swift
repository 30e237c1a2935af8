import Logging
import MartletPush
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// `POST /push` on the event loop: for requests that may push and whose body is short. Requests that are refused before
/// their body is looked at, and unusual ones, are answered by ``PushRoutes``, with the same texts.
struct PushEndpoint: Sendable {
    /// The longest body, in bytes: longer ones would hold up the other connections of the loop.
    private static let longestBody = 32 * 1024

    /// The fields of unusual requests: a back end sends no Origin, and a page's is checked by ``PushRoutes``.
    private static let unusual = ["origin", "idempotency-key", "content-encoding"]

    let live: LiveConfiguration
    private let endpoint: RequestEndpoint

    init(_ live: LiveConfiguration, logger: Logger) {
        let service = live.service
        self.live = live
        self.endpoint = RequestEndpoint(maximumBodySize: min(live.configuration.maximumBodySize, Self.longestBody)) {
            head, body, channel, completion in
            let refuse = { (reason: String, answer: PushAnswer) in
                service.refusedPush()
                service.counters.refusals.count(RefusalReason(apiStatus: Int(answer.answer.status.code)))
                logger.info(
                    "refused a request to the API",
                    metadata: [
                        "reason": "\(reason)", "status": "\(answer.answer.status.code)",
                        "request": "\(RequestID.given(head.headers.first(name: "x-request-id")))",
                        "address": "\(channel.remoteAddress?.text ?? "-")",
                    ])
                completion(answer.answer)
            }
            let wantsJSON = PushAnswer.isJSONWanted(head.headers["accept"])
            if let seconds = live.refusal(ofRightKeyIn: head, on: channel) {
                return refuse("too many wrong API keys", .tooMany(seconds, isJSON: wantsJSON))
            }
            let message: PushMessage
            do throws(JSONError) {
                message = try PushMessage(reading: body)
            } catch {
                return refuse("request data illegal: \(error)", .illegal(wantsJSON ? error.description : nil))
            }
            service.publish(message) { [connections = live.connections] in
                completion(PushAnswer.of($0, isJSON: wantsJSON, connections).answer)
            }
        }
    }

    func endpoint(for head: HTTPRequestHead) -> RequestEndpoint? {
        guard head.method == .POST else { return nil }
        let snapshot = self.live.now
        guard head.uri == snapshot.configuration.pushPath, self.endpoint.takes(head, without: Self.unusual),
            self.endpoint.maximumBodySize <= snapshot.configuration.maximumBodySize,
            snapshot.configuration.origin.passesWithoutOrigin,
            snapshot.configuration.hooks.authorizePush == nil
        else { return nil }
        var key = APIKey.none
        if let keys = snapshot.configuration.apiKeys {
            guard let shown = keys.key(of: head.headers)?.name else { return nil }
            key = shown
        }
        // Last, since a request that is answered by ``PushRoutes`` is counted there.
        return self.live.pushes.refusal(of: key) == nil ? self.endpoint : nil
    }
}
