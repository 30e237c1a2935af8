import MartletConfiguration
import MartletService
import NIOCore

/// The settings that make a ``ProxyConfiguration`` by themselves; its listeners, routes and upstreams are in
/// ``ProxyValues``.
extension ProxyConfiguration {
    static let table = SettingsTable(
        ProxyConfiguration(),
        [
            SettingsSection("Limits", Self.limits + Self.timeouts),
            SettingsSection("Behavior", [Self.adminListen] + Self.accessLogSettings + Self.draining),
        ])

    private static let limits: [Setting<ProxyConfiguration>] = [
        Setting<ProxyConfiguration>.fixed(
            "limits.connections", \.maximumConnections, .int(1...10_000_000), default: "as descriptors allow",
            "The greatest number of clients' connections, all listeners together. Beyond it: 503, with TLS the end."
        ).alias(.key("maximumConnections")),
        Setting<ProxyConfiguration>.live(
            "limits.headerSize", \.client.maximumHeaderSize, .size(1024...1_048_576),
            "The greatest size of a request's line and headers together. Beyond it: 431."
        ).alias(.key("client.maximumHeaderSize")),
        Setting<ProxyConfiguration>.live(
            "limits.headerCount", \.client.maximumHeaderCount, .int(1...10_000),
            "The greatest number of a request's headers. Beyond it: 431."
        ).alias(.key("client.maximumHeaderCount")),
    ]

    private static let timeouts: [Setting<ProxyConfiguration>] = [
        .live(
            "client.headerTimeout", \.client.headerTimeout, .timeout,
            "The longest time from the first byte of a request to the end of its headers."),
        .live(
            "client.keepAliveTimeout", \.client.keepAliveTimeout, .duration,
            "The longest time between two requests of a connection."),
        .live(
            "client.bodyTimeout", \.client.bodyTimeout, .timeout,
            "The longest time without a byte of a request's body, or without room for the answer's."),
    ]

    private static let adminListen = Setting<ProxyConfiguration>.fixed(
        "admin.listen", \.admin, .listenAddress, "The address and port of `/healthz`, `/metrics` and `/upstreams`."
    ).alias(.key("admin"))

    private static let accessLogSettings: [Setting<ProxyConfiguration>] = [
        Setting<ProxyConfiguration>.fixed(
            "accessLog.file", \.accessLogFile, .outputFile,
            "The file of the access log, `-` for standard output. It is opened again on SIGHUP."
        ).alias(.key("accessLog")),
        .fixed(
            "accessLog.format", \.accessLogFormat, .choice("format", [("json", .json), ("combined", .combined)]),
            "The format of the access log's lines: `json`, or `combined` as Apache and nginx write it."),
    ]

    private static let draining: [Setting<ProxyConfiguration>] = [
        .live(
            "drain.delay", \.drainDelay, .duration,
            "The time that `/healthz` answers 503 after SIGTERM before anything else happens."),
        Setting<ProxyConfiguration>.live(
            "drain.time", \.drainTimeout, .duration, "The time over which WebSockets are closed after `drain.delay`."
        ).alias(.key("drainTimeout", unit: "s")),
    ]

    private var accessLogFile: String? {
        get { self.accessLog?.file }
        set {
            self.accessLog = newValue.map { AccessLogConfiguration(file: $0, format: self.accessLog?.format ?? .json) }
        }
    }

    /// The format, which comes after the file in the table.
    private var accessLogFormat: AccessLogConfiguration.Format {
        get { self.accessLog?.format ?? .json }
        set { self.accessLog?.format = newValue }
    }
}
