package import NIOCore
import Yams

/// A value in a configuration file, with where it stands, so that every complaint names the key and the line.
package struct ConfigurationNode {
    /// Dotted: `routes[0].path`.
    package let path: String
    private let node: Node
    private let place: ConfigurationPlace
    private let overrides: ConfigurationOverrides

    init(_ node: Node, path: String, place: ConfigurationPlace, overrides: ConfigurationOverrides) {
        self.node = node
        self.path = path
        self.place = place
        self.overrides = overrides
    }

    package var origin: ConfigurationOrigin {
        ConfigurationOrigin(path: self.path, line: self.node.mark?.line, place: self.place)
    }

    package func error(_ reason: String) -> ConfigurationError { self.origin.error(reason) }

    private func child(_ node: Node, path: String) -> ConfigurationNode {
        ConfigurationNode(node, path: path, place: self.place, overrides: self.overrides)
    }

    /// A section whose lines are all comments is an empty one.
    private func mapping() throws(ConfigurationError) -> Node.Mapping {
        if let mapping = self.node.mapping { return mapping }
        guard let scalar = self.node.scalar, scalar.style == .plain, ["", "~", "null"].contains(scalar.string) else {
            throw self.error("expected a mapping of names to values")
        }
        return Node.Mapping([])
    }

    /// The members of a mapping; `known` are all that there may be. What the overrides say of them counts more.
    package func members(_ known: Set<String>) throws(ConfigurationError) -> ConfigurationMembers {
        var problems = ConfigurationProblems()
        let members = try self.members(known, problems: &problems)
        try problems.throwAny()
        return members
    }

    /// As above, and goes on when there are keys that must not be.
    package func members(
        _ known: Set<String>, problems: inout ConfigurationProblems
    ) throws(ConfigurationError) -> ConfigurationMembers {
        let mapping = try self.mapping()
        let prefix = self.path.isEmpty ? "" : "\(self.path)."
        var members: [String: ConfigurationNode] = [:]
        for (key, value) in mapping {
            let name = key.string ?? "?"
            guard known.contains(name) else {
                let all = known.sorted().joined(separator: ", ")
                problems.add(
                    ConfigurationOrigin(path: prefix + name, line: key.mark?.line, place: self.place)
                        .error("there is no such key; known are \(all)"))
                continue
            }
            members[name] = self.child(value, path: prefix + name)
        }
        for name in known {
            let path = prefix + name
            if let said = self.overrides.values(of: path) {
                let texts = said.values.map { Node($0) }
                members[name] = ConfigurationNode(
                    texts.count == 1 ? texts[0] : Node(texts), path: path, place: said.place,
                    overrides: self.overrides)
            } else if members[name] == nil, self.overrides.hasMembers(of: path) {
                members[name] = self.child(Node([(Node, Node)]()), path: path)
            }
        }
        return ConfigurationMembers(owner: self, members: members)
    }

    /// The names of a mapping's members in the file.
    package func keys() throws(ConfigurationError) -> [String] {
        try self.mapping().compactMap { $0.key.string }
    }

    /// The members of a mapping whose names are the user's.
    package func namedMembers() throws(ConfigurationError) -> [(name: String, node: ConfigurationNode)] {
        try self.mapping().map { key, value in
            let name = key.string ?? "?"
            return (name, self.child(value, path: "\(self.path).\(name)"))
        }
    }

    package func elements() throws(ConfigurationError) -> [ConfigurationNode] {
        guard let sequence = self.node.sequence else { throw self.error("expected a list") }
        return sequence.enumerated().map { self.child($1, path: "\(self.path)[\($0)]") }
    }

    package var isMapping: Bool { self.node.mapping != nil }

    package func string() throws -> String {
        guard let text = self.node.scalar?.string else { throw self.error("expected a text") }
        return text
    }

    /// A list of texts, or a single one.
    package func strings() throws -> [String] {
        if self.node.sequence != nil { return try self.elements().map { try $0.string() } }
        guard case .environment = self.place else { return [try self.string()] }
        return try self.string().split(separator: ",").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    package func bool() throws -> Bool {
        switch try self.string() {
        case "true": true
        case "false": false
        default: throw self.error("expected true or false")
        }
    }

    package func int(_ range: ClosedRange<Int>) throws -> Int {
        guard let value = Int(try self.string()), range.contains(value) else {
            throw self.error("expected a whole number, \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    package func positiveNumber() throws -> Double {
        guard let value = Double(try self.string()), value > 0, value.isFinite else {
            throw self.error("expected a number above 0")
        }
        return value
    }

    /// `250ms`, `30s`, `5m`, `1h`; zero is `0s`.
    package func duration() throws -> TimeAmount {
        let text = try self.string()
        for (suffix, nanoseconds) in [("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)] where text.hasSuffix(suffix)
        {
            guard let value = Double(text.dropLast(suffix.count)), value >= 0 else { continue }
            guard value * nanoseconds < 1e17 else { throw self.error("expected a time below 27777h") }
            return .nanoseconds(Int64((value * nanoseconds).rounded()))
        }
        throw self.error("expected a time such as 250ms, 30s, 5m or 1h")
    }

    /// As ``duration()``, but not zero.
    package func timeout() throws -> TimeAmount {
        let time = try self.duration()
        guard time > .zero else { throw self.error("expected a time above 0") }
        return time
    }

    /// Bytes: `4096`, `64KiB`, `10MiB`, `1GiB`.
    package func size() throws -> Int {
        let text = try self.string()
        for (suffix, factor) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
        where text.hasSuffix(suffix) {
            guard let value = Int(text.dropLast(suffix.count)), value >= 0, value <= Int.max / factor else { continue }
            return value * factor
        }
        throw self.error("expected a size such as 4096, 64KiB, 10MiB or 1GiB")
    }
}
