import ArgumentParser

/// What clients of `martlet serve` may take.
struct LimitOptions: ParsableArguments {
    @Option(help: "Clients at once. Default: as many as there are descriptors.")
    var limitsConnections: String?

    @Option(help: "Clients at once from one address. Default: any number.")
    var limitsConnectionsPerAddress: String?

    @Option(help: "New clients from one address: 10/s, 600/m. Default: any number.")
    var limitsConnectionRate: String?

    @Option(help: "How many of them may come at once. Default: those of a second.")
    var limitsConnectionBurst: String?

    @Option(help: "Sessions of one user at once. Default: any number.")
    var limitsSessionsPerUser: String?

    @Option(help: "Events that one session may hear. Default: 128.")
    var limitsEventsPerSession: String?

    @Option(help: "Messages that a client may send. Default: 20/s.")
    var limitsMessageRate: String?

    @Option(help: "How many of them may come at once. Default: 256, or those of a second.")
    var limitsMessageBurst: String?

    @Option(help: "Messages that may be pushed with one API key. Default: any number.")
    var limitsPushRate: String?

    @Option(help: "How many of them may come at once. Default: those of a second.")
    var limitsPushBurst: String?

    @Option(help: "Bytes of a request's body. Default: 1MiB.")
    var limitsBodySize: String?

    @Option(help: "Bytes that may wait for a client that reads too slowly. Default: 64KiB.")
    var limitsQueueSize: String?

    @Option(help: "What becomes of such a client: close, or drop-oldest of what waits for it. Default: close.")
    var limitsSlowClients: String?

    var flags: [String: [String]] {
        .settings([
            "limits.connections": self.limitsConnections,
            "limits.connectionsPerAddress": self.limitsConnectionsPerAddress,
            "limits.connectionRate": self.limitsConnectionRate, "limits.connectionBurst": self.limitsConnectionBurst,
            "limits.sessionsPerUser": self.limitsSessionsPerUser,
            "limits.eventsPerSession": self.limitsEventsPerSession, "limits.messageRate": self.limitsMessageRate,
            "limits.messageBurst": self.limitsMessageBurst, "limits.pushRate": self.limitsPushRate,
            "limits.pushBurst": self.limitsPushBurst, "limits.bodySize": self.limitsBodySize,
            "limits.queueSize": self.limitsQueueSize, "limits.slowClients": self.limitsSlowClients,
        ])
    }
}
