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

    let service: PushService
    let configuration: PushServerConfiguration
    private let endpoint: RequestEndpoint

    init(service: PushService, configuration: PushServerConfiguration, logger: Logger) {
        self.service = service
        self.configuration = configuration
        self.endpoint = RequestEndpoint(maximumBodySize: min(configuration.maximumBodySize, Self.longestBody)) {
            head, body, channel, completion in
            guard let message = PushMessage(json: body) else {
                service.refusedPush()
                logger.info(
                    "refused a push",
                    metadata: [
                        "reason": "request data illegal", "address": "\(channel.remoteAddress?.description ?? "-")",
                    ])
                return completion(PushAnswer.illegal.answer)
            }
            let wantsJSON = PushAnswer.isJSONWanted(head.headers["accept"])
            service.publish(message) { completion(PushAnswer.accepted($0.delivered, isJSON: wantsJSON).answer) }
        }
    }

    func endpoint(for head: HTTPRequestHead) -> RequestEndpoint? {
        guard head.method == .POST, head.uri == self.configuration.pushPath,
            // A back end sends no Origin; a page's is checked elsewhere.
            self.configuration.origin.passesWithoutOrigin, !head.headers.contains(name: "origin"),
            !head.headers.contains(name: "idempotency-key"),
            self.configuration.hooks.authorizePush == nil,
            self.configuration.apiKeys.map({ $0.key(of: head.headers) != nil }) ?? true
        else { return nil }
        return self.endpoint
    }
}
