import ArgumentParser

/// Where `martlet serve` listens.
struct ListeningOptions: ParsableArguments {
    @Option(help: "Address and port to listen on. Default: 127.0.0.1:8080.")
    var listen: String?

    @Option(help: "The certificate chain to serve TLS with, PEM. It is read again when it changes.")
    var tlsCertificate: String?

    @Option(help: "Its private key, PEM.")
    var tlsKey: String?

    @Flag(help: "One listening socket for each thread (SO_REUSEPORT).")
    var reusePort = false

    @Option(
        help: ArgumentHelp(
            "A reverse proxy whose X-Forwarded headers count, 10.0.0.0/8; several times for several.",
            valueName: "network"))
    var trustedProxies: [String] = []

    @Option(help: "Where browsers connect. Default: /ws.")
    var wsPath: String?

    @Option(help: "Where the back end posts messages. Default: /push.")
    var pushPath: String?

    @Option(help: "Where server-sent events are. Default: /sse.")
    var ssePath: String?

    @Option(help: "Where polls go. Default: /poll.")
    var pollPath: String?

    @Option(help: "Whether the console is at /: true or false. Default: true.")
    var consoleEnabled: String?

    @Option(
        help: "A file of passwords for the console: a password and its user on each line. Default: it asks for none.")
    var consolePasswordFile: String?

    @Option(
        help:
            "An origin whose pages may connect, such as https://example.com; several times for several, * for any. Pages of the same host always may."
    )
    var origin: [String] = []

    @Flag(name: .customLong("open"), help: "Serve other machines although tokens or pushes are not checked.")
    var isOpen = false

    var flags: [String: [String]] {
        .settings(
            [
                "listen": self.listen, "tls.certificate": self.tlsCertificate, "tls.key": self.tlsKey,
                "wsPath": self.wsPath, "pushPath": self.pushPath, "ssePath": self.ssePath, "pollPath": self.pollPath,
                "console.enabled": self.consoleEnabled, "console.passwordFile": self.consolePasswordFile,
            ],
            lists: ["trustedProxies": self.trustedProxies, "origin": self.origin],
            flags: ["reusePort": self.reusePort, "open": self.isOpen])
    }
}

extension [String: [String]] {
    /// What was said, by the path of its key in a configuration file.
    static func settings(
        _ values: [String: String?], lists: [String: [String]] = [:], flags: [String: Bool] = [:]
    ) -> Self {
        var settings = values.compactMapValues { $0.map { [$0] } }
        settings.merge(lists.filter { !$0.value.isEmpty }) { $1 }
        settings.merge(flags.filter(\.value).mapValues { _ in ["true"] }) { $1 }
        return settings
    }
}
