public import MartletProtocol
import NIOCore
import Synchronization

/// Sends messages to every member of a topic: a chat room, a price, a game.
///
/// A message is encoded once, and compressed once for each set of parameters; each event loop is woken once for all its
/// members, and each member gets the message in its own bounded queue, so that a slow one delays no other. Messages of
/// one caller reach every member in the order of the calls.
///
/// ```swift
/// let rooms = Broadcaster<String>()
/// server.route("/chat") { request, socket in
///     rooms.join("lobby", socket)                       // left by itself when the connection ends
///     for try await message in socket.messages { rooms.post(message, to: "lobby") }
/// }
/// ```
public final class Broadcaster<Topic: Hashable & Sendable>: Sendable {
    /// The policy for a message when a member's queue is full.
    public enum SlowMemberPolicy: Sendable, Hashable {
        /// The member misses the message. The default.
        case dropNewest
        /// The member misses the oldest waiting messages.
        case dropOldest
        /// The member's connection is closed with 1013.
        case close

        var overflowPolicy: OverflowPolicy {
            switch self {
            case .dropNewest: .dropNewest
            case .dropOldest: .dropOldest
            case .close: .close
            }
        }
    }

    /// The numbers of members that got and that missed a message.
    public struct Result: Sendable, Hashable {
        /// The number of members whose queue took the message.
        public var sent = 0
        /// The number of members that missed it: their queue was full, or they were closing.
        public var dropped = 0

        public init(sent: Int = 0, dropped: Int = 0) {
            self.sent = sent
            self.dropped = dropped
        }
    }

    private struct Member {
        let connection: WebSocketConnection
        let policy: SlowMemberPolicy
    }

    private struct State {
        /// The members by topic, then by event loop, then by connection.
        var topics: [Topic: [ObjectIdentifier: [ObjectIdentifier: Member]]] = [:]
        /// The topics of each connection.
        var memberships: [ObjectIdentifier: Set<Topic>] = [:]
        var totals = Result()
    }

    private let state = Mutex(State())

    public init() {}

    /// Returns the number of members of a topic.
    public func memberCount(of topic: Topic) -> Int {
        self.state.withLock { $0.topics[topic]?.values.reduce(0) { $0 + $1.count } ?? 0 }
    }

    /// The topics that have members.
    public var topics: Set<Topic> { self.state.withLock { Set($0.topics.keys) } }

    /// The sum of the results of all messages so far.
    public var totals: Result { self.state.withLock { $0.totals } }

    /// Makes a connection a member of a topic, until it leaves or ends. Joining again changes the policy.
    public func join(_ topic: Topic, _ connection: WebSocketConnection, whenSlow policy: SlowMemberPolicy = .dropNewest)
    {
        let id = ObjectIdentifier(connection)
        let isNew = self.state.withLock { state in
            state.topics[topic, default: [:]][ObjectIdentifier(connection.eventLoop), default: [:]][id] = Member(
                connection: connection, policy: policy)
            let isNew = state.memberships[id] == nil
            state.memberships[id, default: []].insert(topic)
            return isNew
        }
        // If the connection has already ended, this is called at once.
        if isNew { connection.whenClosed { [weak self] in self?.removeEverywhere(connection) } }
    }

    public func leave(_ topic: Topic, _ connection: WebSocketConnection) {
        self.state.withLock { state in
            Self.remove(connection, from: topic, &state)
            // The set stays, even empty, so that one call at the connection's end is enough.
            state.memberships[ObjectIdentifier(connection)]?.remove(topic)
        }
    }

    private func removeEverywhere(_ connection: WebSocketConnection) {
        self.state.withLock { state in
            for topic in state.memberships.removeValue(forKey: ObjectIdentifier(connection)) ?? [] {
                Self.remove(connection, from: topic, &state)
            }
        }
    }

    private static func remove(_ connection: WebSocketConnection, from topic: Topic, _ state: inout State) {
        let loop = ObjectIdentifier(connection.eventLoop)
        state.topics[topic]?[loop]?[ObjectIdentifier(connection)] = nil
        if state.topics[topic]?[loop]?.isEmpty ?? false { state.topics[topic]?[loop] = nil }
        if state.topics[topic]?.isEmpty ?? false { state.topics[topic] = nil }
    }

    /// Sends a message to every member and does not wait; ``totals`` counts the results.
    public func post(_ message: PreparedMessage, to topic: Topic) {
        self.deliver(message, to: topic) { _ in }
    }

    public func post(_ message: WebSocketMessage, to topic: Topic) { self.post(message.prepared, to: topic) }

    public func post(text: String, to topic: Topic) { self.post(PreparedMessage(text: text), to: topic) }

    /// Sends a message to every member, and waits until each of their queues has taken or refused it.
    @discardableResult
    public func send(_ message: PreparedMessage, to topic: Topic) async -> Result {
        await withCheckedContinuation { continuation in
            self.deliver(message, to: topic) { continuation.resume(returning: $0) }
        }
    }

    @discardableResult
    public func send(text: String, to topic: Topic) async -> Result {
        await self.send(PreparedMessage(text: text), to: topic)
    }

    /// Adds up the results of the event loops.
    private final class Tally: Sendable {
        private let state: Mutex<(open: Int, result: Result)>
        private let whenDone: @Sendable (Result) -> Void

        init(loops: Int, whenDone: @escaping @Sendable (Result) -> Void) {
            self.state = Mutex((loops, Result()))
            self.whenDone = whenDone
        }

        func add(_ part: Result) {
            let result = self.state.withLock { state -> Result? in
                state.result.sent += part.sent
                state.result.dropped += part.dropped
                state.open -= 1
                return state.open == 0 ? state.result : nil
            }
            if let result { self.whenDone(result) }
        }
    }

    private func deliver(
        _ message: PreparedMessage, to topic: Topic, whenDone: @escaping @Sendable (Result) -> Void
    ) {
        // Passing it on under the lock keeps the order of two callers the same on every loop.
        let isEmpty = self.state.withLock { state in
            guard let loops = state.topics[topic] else { return true }
            let tally = Tally(loops: loops.count) { result in
                self.state.withLock { state in
                    state.totals.sent += result.sent
                    state.totals.dropped += result.dropped
                }
                whenDone(result)
            }
            for members in loops.values {
                let members = Array(members.values)
                members[0].connection.eventLoop.execute { tally.add(Self.deliver(message, to: members)) }
            }
            return false
        }
        if isEmpty { whenDone(Result()) }
    }

    private static func deliver(_ message: PreparedMessage, to members: [Member]) -> Result {
        var result = Result()
        for member in members {
            switch member.connection.post(message, policy: member.policy.overflowPolicy) {
            case .sent: result.sent += 1
            case .full, .closed: result.dropped += 1
            }
        }
        return result
    }
}

extension WebSocketMessage {
    /// The message encoded once, to be sent to many connections.
    public var prepared: PreparedMessage {
        switch self {
        case .text(let text): PreparedMessage(text: text)
        case .binary(let bytes): PreparedMessage(.binary, bytes)
        }
    }
}
