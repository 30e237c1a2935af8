import MartletConfiguration
import MartletServer

/// The titles under which `martlet serve --help` lists the settings.
enum ServeGroups {
    enum Listening: SettingGroup {
        static let settings = ServeSettings.descriptions.section("Listening")
    }

    enum Access: SettingGroup {
        static let settings = ServeSettings.descriptions.section("Access")
    }

    enum Limits: SettingGroup {
        static let settings = ServeSettings.descriptions.section("Limits")
    }

    enum Behavior: SettingGroup {
        static let settings = ServeSettings.descriptions.section("Behavior")
    }
}
