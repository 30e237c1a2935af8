package import FoundationEssentials
public import Logging
public import MartletPush
import MartletService
public import NIOCore
import Synchronization

/// Asks the back end who a token stands for: `POST {"token":"…","event":"…"}`.
///
/// - 200 `{"user":"42"}`, and perhaps `"expiresIn":300` (seconds): this user.
/// - 401, 403 or 404: refused.
/// - Anything else, or nothing within the timeout: the client is told to come back later. After five failures in a row
///   (5xx or no answer) the back end is not asked for 10 s.
public final class AuthWebhook: Sendable {
    private struct Answer: Decodable {
        let user: String
        let expiresIn: Double?
    }

    /// An answer that says neither yes nor no.
    private struct Unclear: Error, CustomStringConvertible {
        let description: String
    }

    private static let answerLimit = 64 * 1024

    private let url: String
    private let logger: Logger
    private let now: @Sendable () -> NIODeadline
    private let post: @Sendable (String) async throws -> (status: Int, body: Data)
    private let breaker: Mutex<CircuitBreaker>

    /// - Parameters:
    ///   - url: `http` or `https`.
    ///   - secret: shown to the back end as `Authorization: Bearer`, if there is one.
    ///   - timeout: default 5 s.
    /// - Throws: ``ServerError`` with the code `configuration`.
    public convenience init(
        url: String, secret: String? = nil, timeout: TimeAmount = .seconds(5),
        logger: Logger = Logger(label: "martlet.auth")
    ) throws {
        guard LoggedURL.isHTTP(url) else {
            throw ServerError(.configuration, reason: "\(LoggedURL.text(url)) is no http or https URL")
        }
        let headers = secret.map { [("Authorization", "Bearer \($0)")] } ?? []
        self.init(url: url, logger: logger, now: { .now() }) { json in
            let answer = try await BackEndClient.post(
                url, json, headers: headers, limit: Self.answerLimit, timeout: timeout)
            return (answer.status, answer.body)
        }
    }

    package init(
        url: String, logger: Logger, now: @escaping @Sendable () -> NIODeadline,
        breaker: CircuitBreaker = .init(),
        post: @escaping @Sendable (String) async throws -> (status: Int, body: Data)
    ) {
        self.url = url
        self.logger = logger
        self.now = now
        self.breaker = Mutex(breaker)
        self.post = post
    }

    /// Returns the user that a token stands for; `nil` when the back end refuses it.
    ///
    /// - Throws: `PushUnavailable` when the back end cannot say.
    public func user(of token: String, event: String) async throws -> PushUser? {
        guard self.breaker.withLock({ $0.mayAsk(at: self.now()) }) else {
            throw PushUnavailable(reason: "the back end has failed too often")
        }
        do {
            let json = #"{"token":\#(JSONText.string(token)),"event":\#(JSONText.string(event))}"#
            let answer = try await self.post(json)
            // Any answer below 500 shows that the back end works, whatever a client sent: only its own faults are
            // failures.
            if answer.status < 500 { self.breaker.withLock { $0.succeeded() } }
            return try Self.read(answer)
        } catch {
            let isOpen = self.breaker.withLock { breaker in
                if error is Unclear || BackEndClient.isBusy(error) {
                    breaker.abandoned()
                    return false
                }
                return breaker.failed(at: self.now())
            }
            self.logger.warning(
                "the back end could not say who a token stands for",
                metadata: ["url": "\(LoggedURL.text("\(self.url)"))", "error": "\(error)", "circuitOpen": "\(isOpen)"])
            throw PushUnavailable(reason: "the back end could not say who a token stands for")
        }
    }

    private static func read(_ answer: (status: Int, body: Data)) throws -> PushUser? {
        switch answer.status {
        case 401, 403, 404: return nil
        case 200:
            guard let read = try? JSONDecoder().decode(Answer.self, from: answer.body), !read.user.isEmpty,
                read.expiresIn.map({ $0 > 0 }) ?? true
            else { throw Unclear(description: #"its answer is not {"user":"…"}"#) }
            return PushUser(read.user, expiresAt: read.expiresIn.map { Date.now.addingTimeInterval($0) })
        case ..<500: throw Unclear(description: "it answers \(answer.status)")
        default: throw BackEndClient.Failure(description: "it answers \(answer.status)")
        }
    }
}
