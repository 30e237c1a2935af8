import MartletConfiguration
import MartletPush
import MartletService
import MartletWebSocket
import NIOCore

/// The settings that make a ``PushServerConfiguration`` by themselves; those that name files are in ``ServeSettings``.
extension PushServerConfiguration {
    static let table = SettingsTable(
        PushServerConfiguration(), Self.listening + Self.paths + Self.limitSettings + Self.behavior)

    static let listening: [Setting<PushServerConfiguration>] = [
        .fixed(
            "listen", \.addresses, .listenAddresses,
            "The addresses and ports to listen on; `:8080` is every interface, port 0 any free one, `unix:/run/martlet.sock` a Unix socket."
        ),
        .fixed(
            "admin.listen", \.admin, .listenAddress, default: "none, everything is at `listen`",
            "The address and port of a listener of its own for metrics, health, the console and the API."),
        .fixed("http2", \.isHTTP2Allowed, .bool, "Whether clients may speak HTTP/2, over TLS only."),
        .fixed(
            "reusePort", \.isPortShared, .bool,
            "Whether each event loop has a listening socket of its own (`SO_REUSEPORT`), which a new process may share."
        ),
        .fixed(
            "trustedProxies", \.trustedProxies, .trustedProxies, default: "none",
            "The addresses and networks of reverse proxies whose `X-Forwarded-*` headers are believed."),
        .live(
            "open", \.isOpenBeyondLoopback, .bool,
            "Whether other machines are served although tokens or pushes are not checked."),
    ]

    static let paths: [Setting<PushServerConfiguration>] = [
        .fixed("wsPath", \.webSocketPath, .path, "The path where WebSockets connect."),
        .fixed("ssePath", \.eventStreams.eventsPath, .path, "The path of server-sent events."),
        .fixed("pollPath", \.eventStreams.pollPath, .path, "The path of polls."),
        .fixed("pushPath", \.pushPath, .path, "The path where the back end posts messages."),
        .live(
            "origin", \.origin, .origins(isSameHostImplied: true), default: "the same host",
            "The origins whose pages may connect besides those of the same host; `*` is any."),
        .fixed("console.enabled", \.console.isEnabled, .bool, "Whether the console is at `/`."),
    ]

    static let limitSettings: [Setting<PushServerConfiguration>] =
        [
            .live(
                "limits.connections", \.clients.connections, .int(1...10_000_000),
                default: "as descriptors allow", "The greatest number of clients. Beyond it: 503."),
            .live(
                "limits.connectionsPerAddress", \.clients.connectionsPerAddress, .int(1...10_000_000),
                default: "any number", "The greatest number of clients from one address. Beyond it: 429."),
        ]
        + Self.rate(
            "limits.connection", \.clients.connectionRate, default: "any",
            "The rate of new clients from one address. Beyond it: 429.")
        + [
            .live(
                "limits.sessionsPerUser", \.limits.sessionsPerUser, .int(1...10_000_000),
                default: "any number",
                "The greatest number of sessions of one user. Beyond it: 1013, of streams and polls 429."),
            .live(
                "limits.excessSessions", \.limits.excessSessions,
                .choice("policy", [("refuse", .refuse), ("close-oldest", .closeOldest)]),
                "The fate of a session beyond `limits.sessionsPerUser`: it is refused, or the oldest is closed with 1008 (a poll: 403)."
            ),
            .live(
                "limits.eventsPerSession", \.limits.eventsPerSession, .int(1...10_000),
                "The greatest number of events that one session may subscribe to. Beyond it: error 106, of streams and polls 400."
            ),
        ]
        + Self.rate(
            "limits.message", \.limits.messageRate, default: "any",
            "The rate of messages from one client. Beyond it: 1008.")
        + Self.rate(
            "limits.push", \.pushRate, default: "any",
            "The rate of pushes with one API key, each message of a batch. Beyond it: 429.")
        + [
            .live(
                "limits.bodySize", \.maximumBodySize, .size(1...1 << 30),
                "The greatest size of a request's body. Beyond it: 413."),
            .fixed(
                "limits.messageTimeout", \.messageTimeout, .timeout,
                "The time that a client's message may take, from its first byte to its last. Beyond it: 1008."),
            .fixed(
                "limits.answerTimeout", \.answerTimeout, .timeout,
                "The time for which a client may take nothing of an answer. Beyond it its connection, or stream of HTTP/2, is ended."
            ),
            .live(
                "limits.queueSize", .size(1024...1 << 30),
                "The greatest size of what waits for a client that reads too slowly.", get: { $0.limits.queueSize }
            ) { configuration, size in
                configuration.limits.queueSize = size
                configuration.eventStreams.queueSize = size
            },
            .live(
                "limits.slowClients", \.limits.slowClients,
                .choice("policy", [("close", .close), ("drop-oldest", .dropOldest)]),
                "The fate of a register client beyond `limits.queueSize`: `close` with 1013, or `drop-oldest` of what waits."
            ),
        ]

    static let behavior: [Setting<PushServerConfiguration>] = [
        .fixed(
            "compression.webSocket", \.compressesMessages, .bool,
            "Whether WebSockets are compressed (permessage-deflate) for clients that offer it."),
        .fixed(
            "compression.http", \.compressesAnswers, .bool,
            "Whether answers to polls are compressed (gzip) for clients that accept it."),
        .fixed(
            "history.size", \.history.size, .int(0...1_000_000),
            "The number of publications that each channel keeps for clients that resume; 0 keeps none."),
        .fixed("history.age", \.history.age, .timeout, "The time that each publication of the history is kept."),
        .live(
            "retry", .timeout,
            "The longest time after which clients that were disconnected connect again; the shortest is a third of it.",
            get: { .milliseconds(Int64($0.eventStreams.retry.upperBound)) }
        ) { configuration, time in
            let longest = Int(time.nanoseconds / 1_000_000)
            configuration.eventStreams.retry = longest / 3...longest
        },
        .fixed(
            "heartbeat", \.eventStreams.heartbeatInterval, .timeout,
            "The time between two heartbeats of a silent event stream."),
        .live(
            "drain.delay", \.drainDelay, .duration,
            "The time that `/readyz` answers 503 after SIGTERM before anything else happens."),
        .live(
            "drain.time", \.drainTime, .duration, "The time over which clients are disconnected after `drain.delay`."),
    ]

    /// A rate and its burst, which means something only beside the rate.
    private static func rate(
        _ path: String, _ limit: WritableKeyPath<Self, RateLimit?> & Sendable, default absence: String, _ help: String
    ) -> [Setting<Self>] {
        let said = PushServerConfiguration()[keyPath: limit]
        return [
            .live(
                path + "Rate", .rate, default: said == nil ? absence : nil, help,
                get: { $0[keyPath: limit]?.perSecond }, set: { $0[keyPath: limit] = RateLimit(perSecond: $1) }),
            Setting<Self>.live(
                path + "Burst", .int(1...10_000_000), default: said == nil ? "what a second brings" : nil,
                "The number that may come at once after a silence, beside `\(path)Rate`; by default what a second of it brings.",
                get: { $0[keyPath: limit].map { Int($0.burst) } }
            ) { configuration, burst in
                guard configuration[keyPath: limit] != nil else {
                    throw SettingMisuse("there is no \(path)Rate that this could be the burst of")
                }
                configuration[keyPath: limit]?.burst = Double(burst)
            }.belonging(to: path + "Rate"),
        ]
    }
}

extension SettingType<String> {
    /// The path of an endpoint: `/ws`.
    static var path: Self {
        Self(SettingForm("path", example: "/elsewhere"), text: { $0 }) { node in
            let path = try node.string()
            if let reason = PushServerConfiguration.refusal(ofPath: path) {
                throw node.error(reason).of(.configuration)
            }
            return path
        }
    }
}
