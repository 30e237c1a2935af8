import MartletConfiguration
import MartletProxy
import MartletServer

/// The variables of the environment that the commands know, for an environment that several of them share.
enum OtherCommands {
    private static let commands: [(name: String, settings: [SettingDescription], secrets: [SecretVariable])] = [
        (ServeSettings.command, ServeSettings.descriptions, ServeSettings.secrets),
        (ProxySettings.command, ProxySettings.descriptions, []), (EchoSettings.command, EchoSettings.descriptions, []),
    ]

    /// The variables of all commands but one, each with the command that it belongs to.
    static func variables(besides name: String) -> [String: String] {
        var variables: [String: String] = [:]
        for command in Self.commands.reversed() where command.name != name {
            for variable in command.settings.filter(\.form.isPlain).map(\.variable) + command.secrets.map(\.name) {
                variables[variable] = command.name
            }
        }
        return variables
    }
}
