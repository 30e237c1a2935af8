package import FoundationEssentials
public import Logging
import MartletHTTP
public import MartletPush
import MartletService
public import NIOCore
import Synchronization

/// Asks the back end who a token stands for: `POST {"token":"…","event":"…","events":["…"]}`. A client that names several
/// events is one question, which has no `event`.
///
/// - 200 `{"user":"42"}`, and perhaps `"expiresIn":300` (seconds): this user, for all the events. The user may be an
///   integer.
/// - 401, 403 or 404: refused.
/// - Anything else, or nothing within the timeout: the client is told to come back later. After five failures in a row
///   (no connection; of five clients also 502 to 504, and no answer in time) the back end is not asked for 10 s.
///
/// Equal questions that come at once are asked once. At most 64 are under way; others wait for as long as they must,
/// and clients take turns by their addresses.
public final class AuthWebhook: Sendable {
    /// An answer that says neither yes nor no.
    private struct Unclear: Error, CustomStringConvertible {
        let description: String
    }

    private static let answerLimit = 64 * 1024
    /// Questions that are under way at once.
    private static let width = 64
    /// Bytes of the questions that wait, and the memory of each beside its texts.
    private static let waitingBytes = 64 << 20
    private static let questionCost = 2048

    private let url: String
    private let logger: Logger
    private let now: @Sendable () -> NIODeadline
    private let post: @Sendable (String) async throws -> (status: Int, body: Data)
    private let breaker: Mutex<CircuitBreaker>
    private let answers: Mutex<AuthAnswers>
    private let queue = BackEndQueue(width: AuthWebhook.width, byteLimit: AuthWebhook.waitingBytes)

    /// - Parameters:
    ///   - url: `http` or `https`.
    ///   - secret: shown to the back end as `Authorization: Bearer`, if there is one.
    ///   - timeout: the time that an answer may take. Default: 5 s.
    ///   - cache: the time for which an answer is used again for the same token and events. Default: none is.
    /// - Throws: ``ServerError`` with the code `configuration`.
    public convenience init(
        url: String, secret: String? = nil, timeout: TimeAmount = .seconds(5), cache: TimeAmount = .zero,
        logger: Logger = Logger(label: "martlet.auth")
    ) throws {
        guard LoggedURL.isHTTP(url) else {
            throw ServerError(.configuration, reason: "\(LoggedURL.text(url)) is no http or https URL")
        }
        let headers = secret.map { [("Authorization", "Bearer \($0)")] } ?? []
        self.init(url: url, cache: cache, logger: logger, now: { .now() }) { json in
            let answer = try await BackEndClient.post(
                url, json, headers: headers, limit: Self.answerLimit, timeout: timeout)
            return (answer.status, answer.body)
        }
    }

    package init(
        url: String, cache: TimeAmount = .zero, logger: Logger, now: @escaping @Sendable () -> NIODeadline,
        breaker: CircuitBreaker = .init(),
        post: @escaping @Sendable (String) async throws -> (status: Int, body: Data)
    ) {
        self.url = url
        self.logger = logger
        self.now = now
        self.breaker = Mutex(breaker)
        self.answers = Mutex(AuthAnswers(age: cache))
        self.post = post
    }

    /// Bytes of the questions that wait.
    package var waitingBytes: Int { self.queue.waitingBytes }

    /// Returns the user that a token stands for; `nil` when the back end refuses it.
    ///
    /// - Throws: `PushUnavailable` when the back end cannot say.
    public func user(of question: TokenQuestion) async throws -> PushUser? {
        let key = AuthAnswers.Key(question)
        let outcome = await withCheckedContinuation { continuation in
            let answer = self.answers.withLock { answers in
                answers.begin(key, at: self.now()) { continuation.resume(returning: $0) }
            }
            switch answer {
            case .known(let user): continuation.resume(returning: .success(user))
            case .wait: break
            case .ask:
                Task {
                    let outcome = await self.ask(question)
                    let completions = self.answers.withLock { $0.finish(key, outcome, at: self.now()) }
                    for completion in completions { completion(outcome) }
                }
            }
        }
        return try outcome.get()
    }

    private func ask(_ question: TokenQuestion) async -> AuthAnswers.Outcome {
        let json = Self.json(question)
        // All addresses of one IPv6 network are one client, and so are those without any.
        let client = question.clientAddress.map { IPNetwork.client($0) } ?? "-"
        guard await self.queue.enter(cost: Self.questionCost + json.utf8.count, for: client) else {
            return .failure(PushUnavailable(reason: "too many tokens wait to be checked"))
        }
        defer { self.queue.leave() }
        guard self.breaker.withLock({ $0.mayAsk(for: client, at: self.now()) }) else {
            return .failure(PushUnavailable(reason: "the back end has failed too often"))
        }
        do {
            let answer = try await self.post(json)
            // An answer is an answer, whatever a client sent that it is about: only those of a proxy that finds no back
            // end are none.
            guard !Self.statusesOfProxies.contains(answer.status) else {
                throw BackEndClient.Failure(description: "it answers \(answer.status)")
            }
            self.breaker.withLock { $0.succeeded() }
            return .success(try Self.read(answer))
        } catch {
            let isOpen = self.breaker.withLock { breaker in
                if error is Unclear { return false }
                if BackEndClient.isBusy(error) {
                    breaker.abandoned()
                    return false
                }
                return breaker.failed(for: BackEndClient.isUnreachable(error) ? nil : client, at: self.now())
            }
            self.logger.warning(
                "the back end could not say who a token stands for",
                metadata: ["url": "\(LoggedURL.text("\(self.url)"))", "error": "\(error)", "circuitOpen": "\(isOpen)"])
            return .failure(PushUnavailable(reason: "the back end could not say who a token stands for"))
        }
    }

    private static let statusesOfProxies = 502...504

    private static func json(_ question: TokenQuestion) -> String {
        // Whoever looks at one event alone must not let in a client that wants several.
        let event = question.events.count == 1 ? #""event":\#(JSONText.string(question.events[0])),"# : ""
        return #"{"token":\#(JSONText.string(question.token)),\#(event)"events":\#(JSONText.strings(question.events))}"#
    }

    private static func read(_ answer: (status: Int, body: Data)) throws -> PushUser? {
        switch answer.status {
        case 401, 403, 404: return nil
        case 200:
            do throws(JSONError) {
                let members = try JSONObject(answer.body)
                let user = try members.identifier(.exact("user"))
                guard user.utf8.count <= PushLimits.tokenLength else {
                    throw JSONError("user has at most \(PushLimits.tokenLength) bytes")
                }
                switch members["expiresIn"] {
                case nil, .null: return PushUser(user)
                case .number(let text):
                    guard let seconds = Double(text), seconds > 0, seconds.isFinite else { break }
                    return PushUser(user, expiresAt: Date.now.addingTimeInterval(seconds))
                default: break
                }
                throw JSONError("expiresIn is no number of seconds above 0")
            } catch {
                throw Unclear(description: #"its answer is not {"user":"…"}: \#(error)"#)
            }
        default: throw Unclear(description: "it answers \(answer.status)")
        }
    }
}
