@testable import MartletConfiguration

/// A configuration of a few lines, as the tests of this module read it.
enum ConfigurationReading {
    static func root(
        _ text: String, file: String = "a.yaml", flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> ConfigurationNode {
        try ConfigurationDocument(
            text: text, file: file, overrides: ConfigurationOverrides(flags: flags, environment: environment)
        ).root()
    }

    /// The value of `a`, the only key.
    static func value(
        _ text: String, flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> ConfigurationNode {
        try self.root(text, flags: flags, environment: environment).members(["a"]).required("a")
    }

    /// The complaint that a function throws, a line for each mistake; `nil` when it throws none.
    static func complaint(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }
}

/// The members of a mapping, with those that the command line or the environment says.
struct ConfigurationMembers {
    let owner: ConfigurationNode
    let members: [String: ConfigurationNode]

    subscript(_ name: String) -> ConfigurationNode? { self.members[name] }

    var origins: [String: ConfigurationOrigin] { self.members.mapValues(\.origin) }

    func required(_ name: String) throws -> ConfigurationNode {
        guard let member = self.members[name] else { throw self.owner.missing(name) }
        return member
    }
}

extension ConfigurationNode {
    func members(_ known: Set<String>) throws -> ConfigurationMembers {
        var problems = ConfigurationProblems()
        var members = try self.members(known, problems: &problems)
        try problems.throwAny()
        for name in known { if let node = self.override(of: name) { members[name] = node } }
        return ConfigurationMembers(owner: self, members: members)
    }
}
