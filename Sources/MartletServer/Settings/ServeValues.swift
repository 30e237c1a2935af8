import MartletConfiguration
import MartletService

/// The values of all settings of `martlet serve`, as the table reads them.
struct ServeValues: Sendable {
    var configuration = PushServerConfiguration()
    var access = AccessSettings()
    var log = LogSettings()
    var tls = TLSSettings()
    var apiKeyFile: String?
    var consolePasswordFile: String?

    static let table = SettingsTable(
        ServeValues(),
        [
            SettingsSection(
                "Listening",
                PushServerConfiguration.listening.map { $0.at(\.configuration) }
                    + TLSSettings.settings.map { $0.at(\.tls) }
                    + PushServerConfiguration.paths.map { $0.at(\.configuration) }
            ),
            SettingsSection(
                "Access",
                [
                    .live(
                        "apiKeyFile", \.apiKeyFile, .file,
                        "A file of API keys for pushes: a key and its name on each line. `MARTLET_API_KEY` holds one alone."
                    ),
                    .live(
                        "console.passwordFile", \.consolePasswordFile, .file, default: "none, it asks for none",
                        "A file of passwords for the console: a password and its user on each line."),
                ] + AccessSettings.settings.map { $0.at(\.access) }),
            SettingsSection("Limits", PushServerConfiguration.limitSettings.map { $0.at(\.configuration) }),
            SettingsSection(
                "Behavior",
                PushServerConfiguration.behavior.map { $0.at(\.configuration) }
                    + LogSettings.settings.map { $0.at(\.log) }),
        ],
        secrets: [
            SecretVariable("MARTLET_API_KEY", "One API key, in place of `apiKeyFile`."),
            SecretVariable(
                "MARTLET_JWT_SECRET", "The secret that JWT tokens are signed with, in place of `jwt.secretFile`."),
            SecretVariable("MARTLET_AUTH_SECRET", "The bearer token that the service shows at `auth.url`."),
        ])
}
