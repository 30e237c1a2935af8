import FoundationEssentials
import MartletPush
import NIOCore

/// One poll: waits until there is something, or its time is over. Lives on an event loop.
final class Poll: EventStreamSink {
    private let service: PushService
    private let request: EventStreamRequest
    private let address: String
    private let openedAt = NIODeadline.now()
    private let loop: EventStreamLoop
    private var session: EventStreamSession?
    private var place: UserPlace?
    private var timeout: Scheduled<Void>?
    private var continuation: CheckedContinuation<PollAnswer, Never>?

    init(_ request: EventStreamRequest, address: String, service: PushService, loop: EventStreamLoop) {
        self.service = service
        self.request = request
        self.address = address
        self.loop = loop
    }

    /// - Parameters:
    ///   - place: among the user's sessions.
    ///   - continuation: gets the answer.
    func start(_ user: PushUser, _ place: UserPlace, _ continuation: CheckedContinuation<PollAnswer, Never>) {
        self.continuation = continuation
        self.place = place
        self.service.counters.add(to: .sessions(self.transport))
        self.service.counters.add(self.request.events.count, to: .registrations)
        self.loop.opened(self)  // which keeps it alive
        // What comes when the token has expired is no longer for this client.
        let validity = user.expiresAt.map { max($0.timeIntervalSinceNow, 0) } ?? .infinity
        let wait = min(Double(self.request.wait), validity)
        self.timeout = self.loop.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(wait * 1000))) {
            [weak self] in
            self?.finish(.nothing)
        }
        let session = EventStreamSession(
            service: self.service, user: user.id, events: self.request.events, sink: self,
            eventLoop: self.loop.eventLoop)
        self.session = session
        session.start(after: self.request.after)
    }

    func finish(_ answer: PollAnswer) {
        guard let continuation = self.continuation else { return }
        self.continuation = nil
        self.place = nil
        self.timeout?.cancel()
        self.timeout = nil
        let session = self.session
        self.session = nil
        session?.end()
        self.loop.closed(self)
        self.service.counters.add(-1, to: .sessions(self.transport))
        continuation.resume(returning: answer)
    }

    // MARK: EventStreamSink

    var transport: SessionTransport { .poll }

    var carrier: SessionCarrier? {
        SessionCarrier(transport: self.transport, address: self.address, queuedBytes: 0, openedAt: self.openedAt)
    }

    func send(_ items: EventStreamItems) -> Bool {
        guard self.continuation != nil else { return false }
        self.finish(.items(EventStreamEncoder.poll(items)))
        return true
    }

    func drop() { self.finish(.nothing) }
}
