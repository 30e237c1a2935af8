/// The members of a mapping in a configuration file.
package struct ConfigurationMembers {
    package let owner: ConfigurationNode
    private let members: [String: ConfigurationNode]

    init(owner: ConfigurationNode, members: [String: ConfigurationNode]) {
        self.owner = owner
        self.members = members
    }

    /// Of all that are there, by path.
    package var origins: [String: ConfigurationOrigin] {
        Dictionary(self.members.values.map { ($0.path, $0.origin) }) { first, _ in first }
    }

    package subscript(_ name: String) -> ConfigurationNode? { self.members[name] }

    package func required(_ name: String) throws -> ConfigurationNode {
        guard let member = self.members[name] else { throw self.owner.error("the key \(name) is missing") }
        return member
    }

    /// Sets a value when the key is there.
    package func read<Value>(_ name: String, into value: inout Value, _ convert: (ConfigurationNode) throws -> Value)
        rethrows
    {
        if let member = self.members[name] { value = try convert(member) }
    }
}
