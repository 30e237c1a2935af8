import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import MartletAuth
import MartletHTTP
import MartletPush
import MartletWebSocket

/// Decides which requests may see the console, and which may use it.
struct ConsoleAccess: Sendable {
    /// The part of the console that a request is for; with a password, access to both is the same.
    enum Part {
        /// The page, and figures such as `/metrics` shows them.
        case page
        /// The sessions.
        case sessions
    }

    private static let challenge = #"Basic realm="Martlet", charset="UTF-8""#

    private static let apiKey = HTTPField.Name("X-API-Key")!
    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!
    private static let requestedWith = HTTPField.Name("X-Requested-With")!

    let live: LiveConfiguration
    /// Slows down addresses that show wrong passwords or keys.
    private let keyGuard = KeyGuard()

    init(live: LiveConfiguration) { self.live = live }

    /// Returns the answer that refuses a request; `nil` when it is allowed.
    func refusal(of request: Request, _ context: ServiceRequestContext, for part: Part) async -> Response? {
        let snapshot = self.live.now
        let configuration = snapshot.configuration
        let client = configuration.trustedProxies.client(
            of: request.head, peer: context.remoteAddress, isSecure: context.isSecure)
        var head = request.head
        if let authority = client.authority { head.authority = authority }
        guard Self.isOwnPage(head, isSecure: client.isClientSecure),
            !configuration.wantsLoopbackHost || PushServerConfiguration.isLoopback(head.authority)
        else { return self.refuse(.forbidden, "pages of this origin may not use the console", request, context) }
        let asksForPassword = configuration.console.passwords != nil
        guard asksForPassword || part == .sessions else { return nil }
        let showsSomething =
            asksForPassword ? request.headers.contains(.authorization) : Self.showsKey(request.headers)
        let shown =
            asksForPassword ? request.headers[values: .authorization] : APIKeys.shown(by: request.head)
        if showsSomething, let seconds = self.keyGuard.refusal(of: client.address, showing: shown) {
            var response = self.refuse(.tooManyRequests, "too many wrong passwords or keys", request, context)
            response.headers[.retryAfter] = String(seconds)
            return response
        }
        guard await !self.isAllowed(request, context, configuration) else {
            if showsSomething { self.keyGuard.wasRight(client.address, showing: shown) }
            return nil
        }
        let what = asksForPassword ? "password" : "API key"
        let challenge = !asksForPassword ? "Bearer" : Self.isOfScript(request.headers) ? "Page" : Self.challenge
        // A browser, or the page, asks its user then: no mistake yet, and nothing for the log.
        guard showsSomething else {
            return Self.unauthorized("\(asksForPassword ? "a" : "an") \(what) is needed", challenge)
        }
        self.keyGuard.wasWrong(client.address)
        _ = self.refuse(.unauthorized, "the \(what) is wrong", request, context)
        return Self.unauthorized("the \(what) is wrong", challenge)
    }

    private func isAllowed(
        _ request: Request, _ context: ServiceRequestContext, _ configuration: PushServerConfiguration
    ) async -> Bool {
        if let passwords = configuration.console.passwords {
            return passwords.holds(request.headers[.authorization])
        }
        if let keys = configuration.apiKeys, keys.key(of: request.head) == nil { return false }
        return await configuration.hooks.authorizePush?(request.head, context.remoteAddress) ?? true
    }

    /// Whether a request comes from a page of the console's own host: another page could use the password that the
    /// browser has stored. The origins that clients may have do not matter here. `Sec-Fetch-Site` (W3C Fetch Metadata)
    /// is set by the browser, and holds behind a proxy that changes `Host`.
    private static func isOwnPage(_ head: HTTPRequest, isSecure: Bool) -> Bool {
        if head.headerFields[Self.fetchSite] == "same-origin" { return true }
        return OriginPolicy.sameHost.allows(head, isSecure: isSecure)
    }

    /// Whether a request shows a key; what a proxy in front has asked for itself (`Authorization: Basic`) is not a key.
    private static func showsKey(_ headers: HTTPFields) -> Bool {
        headers.contains(Self.apiKey)
            || headers[values: .authorization].contains { RequestValues.bearerToken(in: $0) != nil }
    }

    /// Whether a request is one of the page's script: then the browser must not ask for the password, since the page
    /// does, once and not every second.
    private static func isOfScript(_ headers: HTTPFields) -> Bool {
        headers[Self.requestedWith]?.lowercased() == "xmlhttprequest"
    }

    private static func unauthorized(_ reason: String, _ challenge: String) -> Response {
        var response = Response.text(reason, status: .unauthorized)
        response.headers[.wwwAuthenticate] = challenge
        return response
    }

    private func refuse(
        _ status: HTTPResponse.Status, _ reason: String, _ request: Request, _ context: ServiceRequestContext
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
        guard let text = authorization.flatMap({ RequestValues.credentials("basic", in: $0) }),
            let bytes = Data(base64Encoded: text),
            let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { return false }
        return self.holds(String(text[text.index(after: colon)...]), name: String(text[..<colon]))
    }
}
