/// The place where a setting stands.
enum ConfigurationPlace: Sendable {
    case file(String)
    /// The name of a variable of the environment.
    case environment(String)
    /// The name of an option, with its dashes.
    case flag(String)
}
