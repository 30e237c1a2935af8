/// Where a setting stands.
enum ConfigurationPlace: Sendable {
    case file(String)
    /// The name of a variable.
    case environment(String)
    /// With its dashes.
    case flag(String)
}
