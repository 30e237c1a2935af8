import ArgumentParser
import MartletConfiguration

/// The options of a command that are made from a table of settings: one for each key, under the name that the key gives it.
///
/// ArgumentParser finds the options of a type in its mirror, so this type's mirror has one for each setting.
struct SettingOptions<Group: SettingGroup>: ParsableArguments, CustomReflectable, Sendable {
    /// The values that were given, by the path of the key: what ``ConfigurationOverrides`` takes.
    private(set) var flags: [String: [String]] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        for option in Self.options {
            let key = Key(option.path)
            switch option.form {
            case .flag:
                if let isOn = try values.decodeIfPresent(Bool.self, forKey: key) {
                    self.flags[option.path] = ["\(isOn)"]
                }
            case .list:
                let texts = try values.decode([String].self, forKey: key)
                if !texts.isEmpty { self.flags[option.path] = texts }
            case .value:
                if let text = try values.decodeIfPresent(String.self, forKey: key) { self.flags[option.path] = [text] }
            }
        }
    }

    var customMirror: Mirror {
        Mirror(self, children: Self.options.map { (label: "_" + $0.path, value: $0.argument) })
    }

    private static var options: [SettingOption] { Group.settings.filter(\.form.isPlain).flatMap(SettingOption.all) }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ path: String) { self.stringValue = path }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
