import MartletConfiguration
import MartletService
import MartletWebSocket
import NIOCore

/// The values of all settings of `martlet echo`, as the table reads them.
struct EchoValues: Sendable {
    var configuration = EchoServer.Configuration()
    var tls = TLSSettings()
    var log = LogSettings()
    var isCompressed = false
    var isContextTakenOver = false
    var isVerbose = false

    static let table = SettingsTable(
        EchoValues(),
        [
            SettingsSection("Listening", Self.listening + Self.tlsSettings),
            SettingsSection("Limits", [Self.messageSize, Self.fragments, Self.messageTimeout]),
            SettingsSection("Behavior", [Self.heartbeat] + Self.behavior + LogSettings.settings.map { $0.at(\.log) }),
        ])

    private static let listening: [Setting<EchoValues>] = [
        .fixed(
            "listen", \.configuration.addresses, .listenAddresses,
            "The addresses and ports to listen on; `:8080` is every interface, port 0 any free one, `unix:/run/martlet.sock` a Unix socket."
        ),
        .fixed(
            "path", \.configuration.paths, .paths,
            "The path of the endpoint, or several; at `/` it shares the path with the page."),
        .live(
            "origin", \.configuration.origin, .origins(isSameHostImplied: true), default: "the same host",
            "The origins whose pages may connect besides those of the same host; `*` is any."),
    ]

    private static let tlsSettings: [Setting<EchoValues>] = TLSSettings.settings.map { setting in
        let setting = setting.at(\EchoValues.tls)
        return setting.path == "tls.certificate" ? setting.alias(.key("tlsCert")) : setting
    }

    private static let messageSize = Setting<EchoValues>.fixed(
        "limits.messageSize", \.configuration.maximumMessageSize, .size(1...1 << 40),
        "The greatest size of a message. Beyond it: 1009."
    ).alias(.key("maxMessageSize"))

    private static let fragments = Setting<EchoValues>.fixed(
        "limits.fragments", \.configuration.maximumFragmentCount, .int(1...1 << 30),
        "The greatest number of frames that a message may be split into. Beyond it: 1009."
    ).alias(.key("maxFragments"))

    private static let messageTimeout = Setting<EchoValues>.fixed(
        "limits.messageTimeout", \.configuration.messageTimeout, .timeout,
        "The time that a message may take, from its first byte to its last. Beyond it: 1008.")

    private static let heartbeat = Setting<EchoValues>.fixed(
        "heartbeat", \.configuration.heartbeat, .timeout,
        "The time between two texts `heart beat` that every client is sent."
    ).alias(.bareNumber(unit: "s"))

    private static let behavior: [Setting<EchoValues>] = [
        .fixed(
            "compress", \.isCompressed, .bool,
            "Whether messages are compressed (permessage-deflate) when the client can."),
        .fixed(
            "contextTakeover", \.isContextTakenOver, .bool,
            "Whether compressed messages may refer to earlier ones, which is smaller and takes 300 KiB a connection."),
        .fixed("verbose", \.isVerbose, .bool, "Whether every message is printed with its type."),
    ]
}

extension SettingType<[String]> {
    /// Paths of an endpoint.
    fileprivate static var paths: Self {
        Self(SettingForm("path", example: "/elsewhere", kind: .list), text: { $0.joined(separator: ", ") }) { node in
            let paths = try node.strings()
            for path in paths where !path.hasPrefix("/") { throw node.error("a path begins with /: \(path)") }
            guard !paths.isEmpty else { throw node.error("expected a path") }
            return paths
        }
    }
}
