/// Gathers what is found while the values of a configuration are read, and does not stop the reading.
final class ConfigurationRemarks {
    /// Remarks that are no mistakes, such as old names of keys.
    private(set) var warnings: [String] = []
    /// Mistakes inside lists, whose other elements are read all the same.
    private(set) var problems = ConfigurationProblems()

    func warn(_ text: String) { self.warnings.append(text) }

    func report(_ problems: ConfigurationProblems) { self.problems.gather { try problems.throwAll() } }
}
