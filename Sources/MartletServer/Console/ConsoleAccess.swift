import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import MartletPush
import MartletWebSocket

/// Who may see the console, and who may use it.
struct ConsoleAccess: Sendable {
    /// What it is about: with a password they are the same.
    enum Part {
        /// The page, and figures such as `/metrics` shows them.
        case page
        /// The sessions.
        case sessions
    }

    private static let challenge = #"Basic realm="Martlet", charset="UTF-8""#

    private static let apiKey = HTTPField.Name("X-API-Key")!

    let live: LiveConfiguration
    /// By address: nobody shall try passwords for long.
    private let mistakes = RateLimiter(RateLimit(perSecond: 0.2, burst: 10))

    init(live: LiveConfiguration) { self.live = live }

    /// Why a request is refused; `nil` when it is not.
    func refusal(of request: Request, _ context: RequestContext, for part: Part) async -> Response? {
        let snapshot = self.live.now
        let configuration = snapshot.configuration
        let client = configuration.trustedProxies.client(
            of: request.head, peer: context.remoteAddress, isSecure: configuration.tls != nil)
        var head = request.head
        if let authority = client.authority { head.authority = authority }
        // A page of somebody else's could use what the browser knows.
        guard snapshot.origin.allows(head, isSecure: client.isSecure),
            !configuration.wantsLoopbackHost || PushServerConfiguration.isLoopback(head.authority)
        else { return self.refuse(.forbidden, "pages of this origin may not use the console", request, context) }
        let address = client.address ?? "-"
        // Before it is known whether this one is right: whoever guesses shall not learn it.
        let showsSomething = request.headers.contains(.authorization) || request.headers.contains(Self.apiKey)
        if showsSomething, let seconds = self.mistakes.refusalToCome(of: address) {
            var response = self.refuse(.tooManyRequests, "too many wrong passwords or keys", request, context)
            response.headers[.retryAfter] = String(seconds)
            return response
        }
        let isAllowed: Bool
        if let passwords = configuration.console.passwords {
            isAllowed = passwords.holds(request.headers[.authorization])
        } else {
            isAllowed =
                if part == .page {
                    true
                } else if configuration.apiKeys.map({ $0.key(of: request.head) == nil }) ?? false {
                    false
                } else {
                    await configuration.hooks.authorizePush?(request.head, context.remoteAddress) ?? true
                }
        }
        guard !isAllowed else { return nil }
        let asks = configuration.console.passwords != nil
        // A browser, or the page, asks its user then: no mistake yet, and nothing for the log.
        guard showsSomething else {
            return Self.unauthorized(asks ? "a password is needed" : "an API key is needed", asks: asks)
        }
        _ = self.mistakes.refusal(of: address)
        _ = self.refuse(
            .unauthorized, asks ? "the password is wrong" : "the API key is wrong", request, context)
        return Self.unauthorized(asks ? "the password is wrong" : "the API key is wrong", asks: asks)
    }

    private static func unauthorized(_ reason: String, asks: Bool) -> Response {
        var response = Response.text(reason, status: .unauthorized)
        // Without a password it is the page that asks, not the browser.
        response.headers[.wwwAuthenticate] = asks ? Self.challenge : "Bearer"
        return response
    }

    private func refuse(
        _ status: HTTPResponse.Status, _ reason: String, _ request: Request, _ context: RequestContext
    ) -> Response {
        context.logger.notice(
            "refused a use of the console",
            metadata: [
                "status": "\(status.code)", "reason": "\(reason)", "path": "\(SafeText.forLog(request.uri.path))",
                "address": "\(context.remoteAddress?.text ?? "-")",
            ])
        return .text(reason, status: status)
    }
}

extension APIKeys {
    /// Whether a field `Authorization` shows a key and its name as a password and its user.
    fileprivate func holds(_ authorization: String?) -> Bool {
        guard let parts = authorization?.split(separator: " ", maxSplits: 1), parts.count == 2,
            parts[0].lowercased() == "basic", let bytes = Data(base64Encoded: String(parts[1])),
            let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { return false }
        return self.holds(String(text[text.index(after: colon)...]), name: String(text[..<colon]))
    }
}
