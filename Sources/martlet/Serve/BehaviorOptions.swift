import ArgumentParser

/// How `martlet serve` behaves.
struct BehaviorOptions: ParsableArguments {
    @Option(help: "Messages of each user and event that are kept for clients that come back; 0 for none. Default: 100.")
    var historySize: String?

    @Option(help: "How long each is kept: 60s, 5m. Default: 60s.")
    var historyAge: String?

    @Option(
        help:
            "How long clients wait before they come back: a random time up to this, and no less than a third. Default: 3s."
    )
    var retry: String?

    @Option(help: "How often a silent event stream says that it is there. Default: 15s.")
    var heartbeat: String?

    @Option(help: "After SIGTERM, how long /readyz says so before anything else happens. Default: 0s.")
    var drainDelay: String?

    @Option(help: "After that, clients are closed over this time. Default: 5s.")
    var drainTime: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical. Default: info.")
    var logLevel: String?

    @Option(help: "text, or json: an object on each line. Default: text.")
    var logFormat: String?

    var flags: [String: [String]] {
        .settings([
            "history.size": self.historySize, "history.age": self.historyAge, "retry": self.retry,
            "heartbeat": self.heartbeat, "drain.delay": self.drainDelay, "drain.time": self.drainTime,
            "log.level": self.logLevel, "log.format": self.logFormat,
        ])
    }
}
