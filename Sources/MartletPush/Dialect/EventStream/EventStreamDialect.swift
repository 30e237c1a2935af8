import HTTPTypes
import Logging
import MartletHTTP
import MartletProtocol
import NIOCore
import Synchronization

/// The event-stream dialect: the client names events, and where it left off; it is sent what it missed, if it was kept,
/// and told of a gap otherwise; then it is sent what is published.
///
/// It subscribes before it reads the history, so that nothing falls between the two; what comes in the meantime waits,
/// and what is in both is sent once. The same happens again for a channel in which publications may be missing.
package final class EventStreamDialect: Dialect {
    /// Bytes of missed publications that one client is sent at most.
    static let replayLimit = 4 << 20

    /// The beginning of a session: the knowledge of the client when its connection opens.
    private indirect enum Beginning {
        /// The head of the opening handshake, whose query names token and events.
        case head(HTTPRequest)
        /// The transport has accepted the client.
        case admitted(EventStreamRequest, PushUser, UserPlace)
        case over
    }

    private struct Subscription {
        let event: String
        let channel: ChannelName
        /// The position of the last publication that was sent, or came before the session.
        var position: StreamPosition?
        /// Whether the client had a position, so that something may be missing.
        var isResumed = false
        /// Reads of the history that were begun; the last of them is in force.
        var reads: UInt32 = 0
    }

    private typealias Missed = (index: Int, publication: Publication)

    private let format: EventStreamFormat
    private var beginning: Beginning
    private var subscriptions: [Subscription] = []
    /// Publications that came while histories were being read.
    private var held: [Missed] = []
    /// The histories that have been read, by subscription, until all are there.
    private var histories: [Int: History] = [:]
    private var isLive = false
    private var hasBeenLive = false
    private var heldBytes = 0

    private init(_ format: EventStreamFormat, _ beginning: Beginning) {
        self.format = format
        self.beginning = beginning
    }

    /// - Parameter head: of the opening handshake of a WebSocket.
    convenience init(head: HTTPRequest) { self.init(.messages, .head(head)) }

    /// - Parameter place: among the user's sessions.
    package convenience init(
        _ format: EventStreamFormat, _ request: EventStreamRequest, user: PushUser, place: UserPlace
    ) {
        self.init(format, .admitted(request, user, place))
    }

    // MARK: Dialect

    /// The policy closes slow clients: they resume and are sent what they missed. They would not notice dropped
    /// messages.
    package var slowClients: SlowConsumerPolicy? { .close }

    package var heartbeat: EncodedPublications? { self.format.heartbeat }

    package func opened(_ session: Session) {
        let beginning = self.beginning
        self.beginning = .over
        switch beginning {
        case .over: break
        case .admitted(let request, let user, let place): self.begin(request, user, place, on: session)
        case .head(let head):
            let request: EventStreamRequest
            do {
                request = try EventStreamRequest(head, maximumEvents: session.environment.limits.eventsPerSession)
            } catch {
                session.environment.counters.refusals.count(.request)
                return self.refuse(.refused, error.reason, on: session)
            }
            session.authenticate(request.token, events: request.events) { [self] decision in
                switch decision {
                case .user(let user): self.begin(request, user, nil, on: session)
                case .refused:
                    let reason = request.token == nil ? "a token is needed" : "the token was refused"
                    self.refuse(.refused, reason, on: session)
                case .unavailable:
                    self.refuse(.unavailable, "tokens cannot be checked at the moment", on: session)
                }
            }
        }
    }

    private func refuse(_ why: DisconnectReason, _ reason: String, on session: Session) {
        session.environment.counters.add(to: .refusedRegistrations)
        session.log(.info, "refused an event stream", ["reason": "\(reason)"])
        session.close(why, reason)
    }

    /// Ignores the message: the client has nothing to say.
    package func received(_ message: RawSpan, on session: Session) {}

    package func closed() {
        self.held = []
        self.histories = [:]
        self.subscriptions = []
    }

    // MARK: Catching up

    private func begin(_ request: EventStreamRequest, _ user: PushUser, _ place: UserPlace?, on session: Session) {
        guard session.bind(to: user.id, place) else { return }
        if self.format != .poll { session.expire(at: user.expiresAt) }  // a poll is no longer than its token
        session.environment.counters.add(request.events.count, to: .registrations)
        // The client of a WebSocket knows from this that it was let in.
        if case .messages = self.format, let heartbeat = self.heartbeat { session.send(heartbeat) }
        guard session.isOpen else { return }  // it ended by what it was sent
        session.startHeartbeats()
        session.log(.debug, "event stream opened", ["events": "\(request.events.count)"])
        let after = request.after.flatMap { ResumeID($0) }
        // With an id that cannot be read, something may have been missed.
        let isUnknown = request.after != nil && after == nil
        self.subscriptions = request.events.map { event in
            let position = isUnknown ? .nowhere : after?[event]
            return Subscription(
                event: event, channel: UserChannel(user: user.id, event: event).name, position: position,
                isResumed: position != nil)
        }
        for index in self.subscriptions.indices {
            // A poll is over with its first answer.
            guard index < self.subscriptions.count, session.isOpen else { return }
            if self.subscriptions[index].isResumed {
                self.subscribe(at: index, on: session)
            } else {
                self.readPosition(at: index, on: session)
            }
        }
    }

    /// Reads where a channel stands before a new client subscribes to it: what is published from here on is for it, also
    /// what is numbered already, and on its way, when the subscription is in force.
    private func readPosition(at index: Int, on session: Session) {
        session.readHistory(of: self.subscriptions[index].channel, since: nil) { [self] history in
            guard index < self.subscriptions.count else { return }
            self.subscriptions[index].position = history.position
            self.subscribe(at: index, on: session)
        }
    }

    private func subscribe(at index: Int, on session: Session) {
        session.subscribe(to: self.subscriptions[index].channel, nil) { [self] in
            self.readHistory(at: index, on: session)
        }
    }

    private func readHistory(at index: Int, on session: Session) {
        guard index < self.subscriptions.count else { return }
        self.subscriptions[index].reads += 1
        let read = self.subscriptions[index].reads
        let subscription = self.subscriptions[index]
        session.readHistory(of: subscription.channel, since: subscription.position) { [self] history in
            guard index < self.subscriptions.count, self.subscriptions[index].reads == read else { return }
            self.histories[index] = history
            if self.histories.count == self.subscriptions.count { self.goLive(session) }
        }
    }

    package func interrupted(_ channel: ChannelName, after position: StreamPosition?, on session: Session) {
        guard let index = self.subscriptions.firstIndex(where: { $0.channel == channel }) else { return }
        if self.isLive {
            if session.places[channel]?.group != SubscriberPlace.individual {
                self.subscriptions[index].position = position
                session.changeEncoding(of: channel, to: nil)
            }
            self.isLive = false
            for other in self.subscriptions.indices where other != index {
                // Nothing is missing there; what comes in the meantime waits, too.
                let position = self.subscriptions[other].position
                self.histories[other] = History(publications: [], position: position, isComplete: true)
            }
        } else if self.subscriptions[index].reads == 0 {
            return  // it is not subscribed yet
        }
        if self.hasBeenLive {
            self.subscriptions[index].position = self.subscriptions[index].position ?? .nowhere
            self.subscriptions[index].isResumed = true
        } else if let first = self.firstHeld(at: index), !self.subscriptions[index].isResumed {
            // A new client is to get what is held, and what follows.
            self.subscriptions[index].position = first
            self.subscriptions[index].isResumed = true
        }
        self.histories[index] = nil
        self.readHistory(at: index, on: session)
    }

    package func mayLeave(_ session: Session) -> Bool {
        // With another broker, positions hold beyond this process.
        guard self.isLive, session.environment.broker.isInProcess,
            !self.subscriptions.isEmpty, self.subscriptions.allSatisfy({ $0.position != nil })
        else { return false }
        session.environment.leave(self.subscriptions.map(\.channel))
        return true
    }

    package func leave(_ session: Session) {
        guard self.isLive else { return }
        let end = max(session.environment.endOfProcess.load(ordering: .relaxed), Int(UTCTime.now() / 1_000_000_000))
        let id = ResumeID(self.subscriptions.map { ($0.event, .beginning(after: end)) })
        _ = self.send([EventStreamItem(.position, id: id)], on: session)
    }

    package func deliver(_ batch: PublicationBatch, to session: Session) -> Int {
        guard let index = self.subscriptions.firstIndex(where: { $0.channel == batch.channel }) else { return 0 }
        guard self.isLive else {
            self.held += batch.publications.map { (index, $0) }
            self.heldBytes += batch.publications.reduce(0) { $0 + $1.data.utf8.count }
            if self.heldBytes > Self.replayLimit {
                session.close(.unavailable, "the history takes too long")
                return 0
            }
            return batch.count
        }
        guard self.subscriptions.count == 1, let first = batch.publications.first, self.isNew(first, at: index) else {
            let items = batch.publications.compactMap { self.item($0, at: index) }
            return items.isEmpty || self.send(items, on: session) ? batch.count : 0
        }
        // From here on everything is new, and the same for all that have subscribed to this channel alone.
        let encoding = self.format.encoding
        session.changeEncoding(of: batch.channel, to: encoding)
        return session.send(batch[encoding])
    }

    private func send(_ items: [EventStreamItem], on session: Session) -> Bool {
        session.send(self.format.encode(items)) == items.count
    }

    // MARK: Where the client stands

    private func isNew(_ publication: Publication, at index: Int) -> Bool {
        guard let position = publication.position, let last = self.subscriptions[index].position else { return true }
        return position.epoch != last.epoch || position.offset > last.offset
    }

    /// The publication for this client; `nil` when it has it already.
    private func item(_ publication: Publication, at index: Int) -> EventStreamItem? {
        guard self.isNew(publication, at: index) else { return nil }
        self.subscriptions[index].position = publication.position
        return EventStreamItem(
            event: self.subscriptions[index].event, data: publication.data, id: self.currentID)
    }

    /// The position before the first publication that is held for a subscription.
    private func firstHeld(at index: Int) -> StreamPosition? {
        self.held.first { $0.index == index }?.publication.position.map {
            StreamPosition(epoch: $0.epoch, offset: $0.offset - 1)
        }
    }

    private var currentID: ResumeID? {
        let positions = self.subscriptions.compactMap { one in one.position.map { (one.event, $0) } }
        return positions.isEmpty ? nil : ResumeID(positions)
    }

    /// Publications are ordered by time; those of one channel keep their order.
    private static func isBefore(_ left: Missed, _ right: Missed) -> Bool {
        (left.publication.time, left.index, left.publication.position?.offset ?? 0)
            < (right.publication.time, right.index, right.publication.position?.offset ?? 0)
    }

    /// Removes the oldest missed publications beyond ``replayLimit``.
    ///
    /// - Returns: the subscriptions that something was left out of.
    private func cutReplay(_ missed: inout [Missed]) -> Set<Int> {
        var bytes = 0
        let idLength = self.subscriptions.count * 40
        let fitting = missed.reversed().prefix { one in
            bytes += one.publication.data.utf8.count + idLength
            return bytes <= Self.replayLimit
        }.count
        let count = missed.count - max(fitting, min(missed.count, 1))  // the last of all, whatever its size
        let left = Set(missed.prefix(count).map(\.index))
        missed.removeFirst(count)
        return left
    }

    private func goLive(_ session: Session) {
        self.isLive = true
        self.hasBeenLive = true
        let histories = self.histories
        self.histories = [:]
        var missed: [Missed] = []
        var gaps: [String] = []
        var isNews = false
        for index in self.subscriptions.indices {
            guard let history = histories[index] else { continue }
            let isResumed = self.subscriptions[index].isResumed
            if isResumed, !history.isComplete { gaps.append(self.subscriptions[index].event) }
            let epoch = self.subscriptions[index].position?.epoch
            if history.position != nil, !isResumed || history.position?.epoch != epoch { isNews = true }
            if let first = history.publications.first?.position {
                self.subscriptions[index].position = StreamPosition(epoch: first.epoch, offset: first.offset - 1)
            } else if !isResumed, let first = self.firstHeld(at: index) {
                self.subscriptions[index].position = first
            } else {
                self.subscriptions[index].position = history.position
            }
            missed += history.publications.map { (index, $0) }
        }
        if self.subscriptions.count > 1 { missed.sort { Self.isBefore($0, $1) } }
        for index in self.cutReplay(&missed) {
            let event = self.subscriptions[index].event
            if self.subscriptions[index].isResumed, !gaps.contains(event) { gaps.append(event) }
        }
        var items = gaps.isEmpty ? [] : [EventStreamItem(.gap(gaps), id: nil)]
        let publications = (missed + self.held).compactMap { self.item($0.publication, at: $0.index) }
        // What was held has been counted when it came.
        let replayed = max(publications.count - self.held.count, 0)
        self.held = []
        self.heldBytes = 0
        items += publications
        // A client that has no position yet gets one at once: it may be cut off before anything is published.
        if isNews || !gaps.isEmpty, items.last?.id == nil {
            items.append(EventStreamItem(.position, id: self.currentID))
        }
        guard !items.isEmpty, self.send(items, on: session) else { return }
        session.environment.counters.add(replayed, to: .deliveries(session.transport))
    }
}
