import Logging
import MartletPush
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// `POST /push` on the event loop: for requests that may push and whose body is short. Requests that are refused before
/// their body is looked at, and unusual ones, are answered by ``PushRoutes``, with the same texts.
struct PushEndpoint: Sendable {
    /// The longest body, in bytes: longer ones would hold up the other connections of the loop.
    private static let longestBody = 64 * 1024

    /// The fields of unusual requests: a back end sends no Origin, and a page's is checked by ``PushRoutes``.
    private static let unusual = ["origin", "idempotency-key"]

    let live: LiveConfiguration
    private let endpoint: RequestEndpoint

    init(_ live: LiveConfiguration, logger: Logger) {
        let service = live.service
        self.live = live
        self.endpoint = RequestEndpoint(maximumBodySize: min(live.configuration.maximumBodySize, Self.longestBody)) {
            head, body, channel, completion in
            guard let message = PushMessage(json: body) else {
                service.refusedPush()
                logger.info(
                    "refused a request to the API",
                    metadata: [
                        "reason": "request data illegal", "status": "400",
                        "request": "\(RequestID.given(head.headers.first(name: "x-request-id")))",
                        "address": "\(channel.remoteAddress?.text ?? "-")",
                    ])
                return completion(PushAnswer.illegal.answer)
            }
            let wantsJSON = PushAnswer.isJSONWanted(head.headers["accept"])
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
