import Logging
package import NIOCore

/// A client that hears some of its user's events, and says where it left off: what it missed comes first, if it was kept;
/// otherwise it is told of the gap. Lives on its event loop.
///
/// It subscribes before it reads the history, so that nothing falls between the two; what comes in the meantime waits, and
/// what is in both is sent once.
package final class EventStreamSession: Session {
    /// What one client is sent of what it missed. Bytes.
    static let replayLimit = 4 << 20

    private struct Subscription {
        let channel: UserChannel
        /// Of the last publication that was sent, or came before the session.
        var position: StreamPosition?
        /// Whether the client said where it left off.
        var isResumed = false
    }

    private let service: PushService
    private let eventLoop: any EventLoop
    /// Which owns the session.
    private unowned let sink: any EventStreamSink
    private var subscriptions: [Subscription]
    /// What came while histories were being read.
    private var held: [(index: Int, publication: Publication)] = []
    /// By subscription, until all have been read.
    private var histories: [Int: History] = [:]
    private var isLive = false
    private var isOver = false
    var places: [UserChannel: Int] = [:]
    package let id = SessionID()
    let transport: SessionTransport
    var carrier: SessionCarrier? { self.isOver ? nil : self.sink.carrier }

    /// - Parameter events: each once.
    package init(
        service: PushService, user: String, events: [String], sink: any EventStreamSink, eventLoop: any EventLoop
    ) {
        self.service = service
        self.eventLoop = eventLoop
        self.sink = sink
        self.transport = sink.transport
        self.subscriptions = events.map { Subscription(channel: UserChannel(user: user, event: $0)) }
    }

    private var logMetadata: Logger.Metadata {
        [
            "session": "\(self.id)", "transport": "\(self.transport)",
            "address": "\(self.sink.carrier?.address ?? "-")",
            "user": "\(SafeText.forLog(self.subscriptions.first?.channel.user ?? "-"))",
        ]
    }

    /// To be called before the connection is ended for it.
    package func tokenExpired() {
        self.service.counters.add(to: .expiredTokens)
        self.service.logger.info("a token has expired", metadata: self.logMetadata)
    }

    /// Subscribes, and sends what the client missed, or where it stands now.
    package func start(after text: String?) {
        self.service.logger.debug(
            "event stream opened", metadata: self.logMetadata.merging(["events": "\(self.subscriptions.count)"]) { $1 })
        let after = text.flatMap { EventStreamID($0) }
        // An id that cannot be read is of somewhere: that anything was missed cannot be excluded.
        let isUnknown = text != nil && after == nil
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        for index in self.subscriptions.indices {
            let channel = self.subscriptions[index].channel
            self.service.hub.add(self, to: channel, on: self.eventLoop)
            let position = isUnknown ? StreamPosition(epoch: 0, offset: 0) : after?[channel.event]
            self.subscriptions[index].position = position
            self.subscriptions[index].isResumed = position != nil
            let eventLoop = self.eventLoop
            self.service.broker.history(of: channel, since: position) { history in
                if eventLoop.inEventLoop {
                    bound.value.read(history, at: index)
                } else {
                    eventLoop.execute { bound.value.read(history, at: index) }
                }
            }
        }
    }

    /// The connection has ended.
    package func end() {
        guard !self.isOver else { return }
        self.isOver = true
        self.service.logger.debug("session ended", metadata: self.logMetadata)
        self.held = []
        self.histories = [:]
        self.service.hub.removeAll(self, on: self.eventLoop)
    }

    // MARK: Session

    func deliver(_ batch: PublicationBatch) -> Int {
        guard !self.isOver, let index = self.subscriptions.firstIndex(where: { $0.channel == batch.channel }) else {
            return 0
        }
        guard self.isLive else {
            self.held += batch.publications.map { (index, $0) }
            return batch.count
        }
        guard self.subscriptions.count == 1, let first = batch.publications.first, self.isNew(first, at: index) else {
            let items = batch.publications.compactMap { self.item($0, at: index) }
            return items.isEmpty || self.sink.send(EventStreamItems(items)) ? batch.count : 0
        }
        self.subscriptions[index].position = batch.publications.last?.position
        return self.sink.send(batch.items) ? batch.count : 0
    }

    func drop() {
        self.end()
        self.sink.drop()
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
            event: self.subscriptions[index].channel.event, data: publication.data, id: self.currentID)
    }

    private var currentID: EventStreamID? {
        let positions = self.subscriptions.compactMap { one in one.position.map { (one.channel.event, $0) } }
        return positions.isEmpty ? nil : EventStreamID(positions)
    }

    private func read(_ history: History, at index: Int) {
        guard !self.isOver else { return }
        self.histories[index] = history
        if self.histories.count == self.subscriptions.count { self.goLive() }
    }

    /// By time; those of one channel in their order.
    private static func isBefore(
        _ left: (index: Int, publication: Publication), _ right: (index: Int, publication: Publication)
    ) -> Bool {
        (left.publication.time, left.index, left.publication.position?.offset ?? 0)
            < (right.publication.time, right.index, right.publication.position?.offset ?? 0)
    }

    /// Leaves out the oldest of what is more than one client is sent at once.
    ///
    /// - Returns: the subscriptions that something was left out of.
    private func cutReplay(_ missed: inout [(index: Int, publication: Publication)]) -> Set<Int> {
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

    private func goLive() {
        self.isLive = true
        let histories = self.histories
        self.histories = [:]
        var missed: [(index: Int, publication: Publication)] = []
        var gaps: [String] = []
        var isNews = false
        for index in self.subscriptions.indices {
            guard let history = histories[index] else { continue }
            if self.subscriptions[index].isResumed, !history.isComplete {
                gaps.append(self.subscriptions[index].channel.event)
            }
            if !self.subscriptions[index].isResumed, history.position != nil { isNews = true }
            if let first = history.publications.first?.position {
                self.subscriptions[index].position = StreamPosition(epoch: first.epoch, offset: first.offset - 1)
            } else {
                self.subscriptions[index].position = history.position
            }
            missed += history.publications.map { (index, $0) }
        }
        if self.subscriptions.count > 1 { missed.sort { Self.isBefore($0, $1) } }
        for index in self.cutReplay(&missed) {
            let event = self.subscriptions[index].channel.event
            if self.subscriptions[index].isResumed, !gaps.contains(event) { gaps.append(event) }
        }
        var items = gaps.isEmpty ? [] : [EventStreamItem(.gap(gaps), id: nil)]
        let publications = (missed + self.held).compactMap { self.item($0.publication, at: $0.index) }
        // What was held has been counted when it came.
        let replayed = max(publications.count - self.held.count, 0)
        self.held = []
        items += publications
        // A client that has no position yet gets one at once: it may be cut off before anything is published.
        if isNews || !gaps.isEmpty, items.last?.id == nil {
            items.append(EventStreamItem(.position, id: self.currentID))
        }
        guard !items.isEmpty, self.sink.send(EventStreamItems(items)) else { return }
        var tally = DeliveryTally()
        tally.count(replayed, self.transport)
        tally.add(to: self.service.counters)
    }
}
