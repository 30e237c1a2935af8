import FoundationEssentials
import MartletProtocol
import MartletPush
import NIOCore

/// A session over long-polling: it waits until there is something, or its time is over. Lives on an event loop.
final class Poll: TransportConnection {
    /// The polls that wait, which keep this one alive.
    private let polls: WaitingPolls
    private let session: Session
    private var timeout: Scheduled<Void>?
    private var continuation: CheckedContinuation<PollAnswer, Never>?
    let address: String
    /// The time after which the client is to come back, in milliseconds, once the service stops.
    private var retry: Int?

    /// - Parameter address: of the client.
    init(_ session: Session, address: String, among polls: WaitingPolls) {
        self.session = session
        self.address = address
        self.polls = polls
    }

    /// - Parameters:
    ///   - wait: seconds.
    ///   - continuation: gets the answer.
    func start(wait: Int, _ user: PushUser, _ continuation: CheckedContinuation<PollAnswer, Never>) {
        self.continuation = continuation
        self.polls.opened(self)
        // What comes when the token has expired is no longer for this client.
        let validity = user.expiresAt.map { max($0.timeIntervalSinceNow, 0) } ?? .infinity
        let wait = min(Double(wait), validity)
        self.timeout = self.polls.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(wait * 1000))) {
            [weak self] in
            self?.finish(.nothing)
        }
        self.session.opened(on: self)
    }

    func finish(_ answer: PollAnswer) {
        guard let continuation = self.continuation else { return }
        self.continuation = nil
        self.timeout?.cancel()
        self.timeout = nil
        self.session.closed()
        self.polls.closed(self)
        continuation.resume(returning: answer)
    }

    /// The service stops.
    ///
    /// - Parameter retry: the time after which the client is to come back, in milliseconds.
    func leave(retry: Int) {
        self.retry = retry
        self.session.leave { self.finish(.restart(retry: retry)) }
    }

    // MARK: TransportConnection

    var transport: SessionTransport { .poll }
    var isOpen: Bool { self.continuation != nil }
    var queuedBytes: Int { 0 }

    func send(_ encoded: EncodedPublications) -> Int {
        guard self.continuation != nil, case .bytes(let bytes) = encoded.wire else { return 0 }
        self.finish(.items(bytes, retry: self.retry))
        return encoded.count
    }

    func sendHeartbeat(_ encoded: EncodedPublications) {}

    func close(_ why: DisconnectReason, _ code: CloseCode, _ reason: String) {
        switch why {
        case .unavailable: self.finish(.unavailable(reason))
        // With nothing it would come back at once, and replace the one that replaced it.
        case .replaced: self.finish(.refused(reason))
        case .refused, .expired, .disconnected: self.finish(.nothing)
        }
    }
}
