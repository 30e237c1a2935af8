import NIOCore
import Synchronization

/// A broker in another process, with a time limit on subscriptions and histories: a call that the broker does not
/// answer in time fails. Publishers have limits of their own, in their receipts.
final class TimeLimitedBroker: Broker {
    private let base: any Broker
    private let limit: TimeAmount
    private let eventLoop: any EventLoop

    init(_ base: any Broker, limit: TimeAmount, eventLoop: any EventLoop) {
        self.base = base
        self.limit = limit
        self.eventLoop = eventLoop
    }

    var isInProcess: Bool { self.base.isInProcess }

    func attach(_ receiver: any BrokerReceiver) { self.base.attach(receiver) }

    func run() async throws { try await self.base.run() }

    func publish(
        _ data: String, to channel: ChannelName, receipt: ReceiptID,
        completion: @escaping @Sendable (Result<StreamPosition?, BrokerError>) -> Void
    ) {
        self.base.publish(data, to: channel, receipt: receipt, completion: completion)
    }

    func subscribe(to channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
        self.base.subscribe(to: channel, completion: self.limited("a subscription", completion) { $0 })
    }

    func unsubscribe(from channel: ChannelName) { self.base.unsubscribe(from: channel) }

    func history(
        of channel: ChannelName, since position: StreamPosition?,
        completion: @escaping @Sendable (Result<History, BrokerError>) -> Void
    ) {
        self.base.history(
            of: channel, since: position, completion: self.limited("a history", completion) { .failure($0) })
    }

    func removeHistory(of channel: ChannelName, completion: @escaping @Sendable (BrokerError?) -> Void) {
        self.base.removeHistory(of: channel, completion: self.limited("a removal", completion) { $0 })
    }

    /// Returns a completion that is called once: with the answer, or with an error when the time is up.
    private func limited<Answer: Sendable>(
        _ what: String, _ completion: @escaping @Sendable (Answer) -> Void,
        _ failure: @escaping @Sendable (BrokerError) -> Answer
    ) -> @Sendable (Answer) -> Void {
        let isAnswered = Flag()
        let limit = self.limit
        let timer = self.eventLoop.scheduleTask(in: limit) {
            guard isAnswered.set() else { return }
            let reason = "the broker did not answer \(what) within \(limit.nanoseconds / 1_000_000) ms"
            completion(failure(BrokerError(.timedOut, reason: reason, mayHaveHappened: true)))
        }
        return { answer in
            guard isAnswered.set() else { return }
            timer.cancel()
            completion(answer)
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)

        /// - Returns: whether it was not set before.
        func set() -> Bool { !self.value.exchange(true, ordering: .acquiringAndReleasing) }
    }
}
