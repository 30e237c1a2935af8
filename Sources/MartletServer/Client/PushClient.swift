import FoundationEssentials
public import MartletPush
import MartletWebSocket
public import NIOCore
import NIOHTTP1

/// Pushes to a running service over HTTP, one message after the other.
///
/// A message that the service could not take at the moment, or whose answer was lost, is sent again, with the same
/// idempotency key: it is delivered once.
public struct PushClient: Sendable {
    private struct Answer: Decodable {
        let delivered: Int
    }

    private let url: String
    private let key: String?
    private let attempts: Int
    private let timeout: TimeAmount

    /// - Parameters:
    ///   - url: of the service: `http://127.0.0.1:8080`. A path is that of pushes; without one it is `/push`.
    ///   - key: the API key, if the service asks for one.
    ///   - attempts: for each message, with a growing pause in between. Default: 5.
    ///   - timeout: of each. Default: 10 s.
    /// - Throws: ``ServerError`` with the code `configuration` when the text is not a URL.
    public init(url: String, key: String?, attempts: Int = 5, timeout: TimeAmount = .seconds(10)) throws {
        guard LoggedURL.isHTTP(url), let parsed = URL(string: url) else {
            throw ServerError(.configuration, reason: "\(LoggedURL.text(url)) is no http or https URL")
        }
        let isBare = parsed.path().isEmpty || parsed.path() == "/"
        self.url = isBare ? (url.hasSuffix("/") ? url + "push" : url + "/push") : url
        self.key = key
        self.attempts = max(attempts, 1)
        self.timeout = timeout
    }

    /// - Returns: how many clients took it.
    /// - Throws: ``PushClientError``.
    public func push(_ message: PushMessage) async throws -> Int {
        let id = String(UInt64.random(in: .min ... .max), radix: 16)
        let body =
            #"{"userId":\#(JSONText.string(message.channel.user)),"event":\#(JSONText.string(message.channel.event))"#
            + #","message":\#(JSONText.string(message.message))}"#
        var attempt = 1
        while true {
            do {
                return try await self.send(body, id)
            } catch let error as PushClientError where error.isTemporary && attempt < self.attempts {
                let pause = error.retryAfter.map(Double.init) ?? 0.1 * Double(1 << attempt) * Double.random(in: 0.5...1)
                try await Task.sleep(for: .seconds(pause))
                attempt += 1
            }
        }
    }

    private func send(_ body: String, _ id: String) async throws -> Int {
        var headers = [("Idempotency-Key", id)]
        if let key = self.key { headers.append(("X-API-Key", key)) }
        let answer: BackEndClient.Answer
        do {
            answer = try await BackEndClient.post(
                self.url, body, headers: headers, limit: 64 * 1024, timeout: self.timeout)
        } catch {
            throw PushClientError(status: nil, reason: ErrorText.of(error))
        }
        guard answer.status == 200 else {
            let text = String(decoding: answer.body.prefix(200), as: UTF8.self)
            throw PushClientError(
                status: answer.status, reason: text,
                retryAfter: answer.headers.first(name: "retry-after").flatMap { RetryAfter.seconds($0) })
        }
        guard let read = try? JSONDecoder().decode(Answer.self, from: answer.body) else {
            throw PushClientError(status: 200, reason: "this is not a Martlet push service")
        }
        return read.delivered
    }
}
