import MartletConfiguration
import MartletProxy

/// The settings of `martlet proxy` that are not lists of mappings.
enum ProxyGroup: SettingGroup {
    static let settings = ProxySettings.descriptions
}
