import ArgumentParser
import MartletConfiguration

/// An option of the command line that says a setting.
struct SettingOption {
    enum Form {
        case value
        case list
        case flag
    }

    /// The path of the key that it says.
    let path: String
    let form: Form
    private let help: ArgumentHelp

    /// The option of a setting, and one for each of its old keys, which help does not show.
    static func all(of setting: SettingDescription) -> [SettingOption] {
        let form: Form =
            switch setting.form.kind {
            case .list: .list
            case _ where setting.isFlag: .flag
            default: .value
            }
        var text = setting.help.filter { $0 != "`" }
        if form == .list { text += " The option may be given several times." }
        if form != .flag, !setting.isRequired { text += " Default: \(setting.defaultText.filter { $0 != "`" })." }
        let shown = SettingOption(
            path: setting.path, form: form, help: ArgumentHelp(text, valueName: setting.form.name))
        return [shown]
            + setting.oldPaths.map { path in
                SettingOption(path: path, form: form, help: ArgumentHelp(text, visibility: .hidden))
            }
    }

    /// The property wrapper that ArgumentParser looks for in a mirror.
    var argument: Any {
        let name = NameSpecification.customLong(String(ConfigurationOverrides.flag(of: self.path).dropFirst(2)))
        return switch self.form {
        case .value: Option<String?>(name: name, help: self.help)
        case .list: Option<[String]>(wrappedValue: [], name: name, parsing: .singleValue, help: self.help)
        case .flag: Flag<Bool?>(name: name, inversion: .prefixedNo, help: self.help)
        }
    }
}
