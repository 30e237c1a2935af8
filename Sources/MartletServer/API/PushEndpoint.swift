import Logging
import MartletPush
import MartletWebSocket
import NIOCore
import NIOHTTP1

/// `POST /push` on the event loop: for requests that may push and whose body is short. Whatever is refused before its body
/// is looked at, and whatever is unusual, is answered by ``PushRoutes``, in the same words.
struct PushEndpoint: Sendable {
    /// Bytes. Longer bodies would hold up the other connections of the loop.
    private static let longestBody = 64 * 1024

    /// A back end sends no Origin; a page's is checked elsewhere.
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
                    "refused a push",
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
        // The last of all: whoever takes the other way is counted there.
        return self.live.pushes.refusal(of: key) == nil ? self.endpoint : nil
    }
}
