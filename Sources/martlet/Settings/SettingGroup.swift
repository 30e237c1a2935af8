import MartletConfiguration

/// Settings that stand under one title in a command's help.
protocol SettingGroup {
    static var settings: [SettingDescription] { get }
}

extension [SettingDescription] {
    /// The settings of one section.
    func section(_ title: String) -> [SettingDescription] { self.filter { $0.section == title } }
}
