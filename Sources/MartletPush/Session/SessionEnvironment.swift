import Logging
import MartletHTTP
import NIOCore
import Synchronization

/// A session environment is shared by the sessions of a service: hub and broker, limits and hooks, and the figures.
/// Safe to use from any thread.
final class SessionEnvironment: Sendable {
    /// The settings in force.
    final class Settings: Sendable {
        let hooks: PushHooks
        let limits: PushLimits

        init(_ hooks: PushHooks, _ limits: PushLimits) {
            self.hooks = hooks
            self.limits = limits
        }
    }

    let hub: Hub
    let broker: any Broker
    let counters: PushCounters
    let logger: Logger
    private let settings: Mutex<Settings>
    private let users = UserSessions()
    private let leftChannels = Mutex<Set<ChannelName>>([])
    private let hasLeft = Atomic(false)
    /// The time at which the process is going to have ended, in seconds since 1970; 0 if it is not known.
    let endOfProcess = Atomic(0)

    /// The time between the last publication to a channel and the end of its sessions: those that are on their way come
    /// in between.
    static let leavePause = TimeAmount.milliseconds(50)

    init(hub: Hub, broker: any Broker, counters: PushCounters, settings: Settings, logger: Logger) {
        self.hub = hub
        self.broker = broker
        self.counters = counters
        self.settings = Mutex(settings)
        self.logger = logger
    }

    var hooks: PushHooks { self.settings.withLock { $0 }.hooks }
    var limits: PushLimits { self.settings.withLock { $0 }.limits }

    func update(_ settings: Settings) { self.settings.withLock { $0 = settings } }

    /// Notes that sessions of channels are about to end and were told to go on where the next process begins: nothing
    /// may be published there any more.
    func leave(_ channels: some Sequence<ChannelName>) {
        self.leftChannels.withLock { $0.formUnion(channels) }
        self.hasLeft.store(true, ordering: .sequentiallyConsistent)
    }

    /// Whether nothing may be published in a channel any more.
    func wasLeft(_ channel: @autoclosure () -> ChannelName) -> Bool {
        self.hasLeft.load(ordering: .relaxed) && self.leftChannels.withLock { $0.contains(channel()) }
    }

    /// Users with sessions.
    var userCount: Int { self.users.count }

    /// Counts a session of a user, also where that is not limited yet.
    func admit(user: String) -> UserAdmission {
        let limits = self.limits
        let limit = limits.sessionsPerUser ?? .max
        guard let place = self.users.place(for: ExactString(user), atMost: limit, limits.excessSessions) else {
            self.counters.add(to: .refusedSessions)
            self.counters.refusals.count(.userSessions)
            self.logger.info(
                "refused a session: its user has too many",
                metadata: ["user": "\(SafeText.forLog(user))", "limit": "\(limit)"])
            return .refused
        }
        return .admitted(place)
    }

    /// Counts a message of a client against its rate.
    func isWithinRate(_ bucket: inout TokenBucket?) -> Bool {
        guard let limit = self.limits.messageRate else { return true }
        let now = NIODeadline.now()
        var counted = bucket.flatMap { $0.isOf(limit) ? $0 : nil } ?? TokenBucket(limit, now: now)
        defer { bucket = counted }
        guard !counted.take(now: now) else { return true }
        self.counters.add(to: .rateLimited)
        self.counters.refusals.count(.rate)
        return false
    }

    /// The user of a token, the same for all events.
    ///
    /// - Parameters:
    ///   - token: `nil` for a client without one.
    ///   - address: the client's IP address.
    func user(of token: String?, events: [String], address: String?) async -> AccessDecision {
        let decision = await self.decide(token, events, address)
        switch decision {
        case .user: break
        case .refused: self.counters.refusals.count(.token)
        case .unavailable: self.counters.refusals.count(.tokenCheck)
        }
        return decision
    }

    private func decide(_ token: String?, _ events: [String], _ address: String?) async -> AccessDecision {
        guard !events.isEmpty else { return .refused }
        guard let token else {
            return self.hooks.anonymousUser.map { .user(PushUser($0)) } ?? .refused
        }
        guard let authenticate = self.hooks.authenticate else { return .user(PushUser(token)) }
        do {
            let question = TokenQuestion(token: token, events: events, clientAddress: address)
            guard let user = try await authenticate(question), !user.id.isEmpty,
                user.id.utf8.count <= PushLimits.tokenLength
            else { return .refused }
            return .user(user)
        } catch {
            self.counters.add(to: .uncheckedTokens)
            self.logger.warning(
                "cannot check a token", metadata: ["error": "\(error)", "address": "\(address ?? "-")"])
            return .unavailable
        }
    }
}
