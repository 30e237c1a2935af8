import MartletConfiguration
import MartletServer

/// The settings of `martlet echo`.
enum EchoGroup: SettingGroup {
    static let settings = EchoSettings.descriptions
}
