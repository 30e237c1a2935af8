package import NIOCore
import Yams

/// A value in a configuration file, with its place, so that every complaint names the key and the line.
package struct ConfigurationNode {
    /// The key, dotted: `routes[0].path`.
    package let path: String
    private let node: Node
    private let place: ConfigurationPlace
    private let overrides: ConfigurationOverrides
    private let remarks: ConfigurationRemarks

    init(
        _ node: Node, path: String, place: ConfigurationPlace, overrides: ConfigurationOverrides,
        remarks: ConfigurationRemarks
    ) {
        self.node = node
        self.path = path
        self.place = place
        self.overrides = overrides
        self.remarks = remarks
    }

    package var origin: ConfigurationOrigin {
        ConfigurationOrigin(path: self.path, line: self.node.mark?.line, place: self.place)
    }

    package func error(_ reason: String) -> ConfigurationError { self.origin.error(reason) }

    /// - Parameter name: the key that this mapping does not have.
    package func missing(_ name: String) -> ConfigurationError {
        let path = self.path.isEmpty ? name : "\(self.path).\(name)"
        return ConfigurationOrigin(path: path, line: self.node.mark?.line, place: self.place).error(
            "is missing", joint: " ")
    }

    private func child(_ node: Node, path: String) -> ConfigurationNode {
        ConfigurationNode(node, path: path, place: self.place, overrides: self.overrides, remarks: self.remarks)
    }

    /// The node with another text in its place; `nil` for one that is no text, or has no other.
    func converted(_ convert: (String) -> String?) -> ConfigurationNode? {
        guard let text = self.node.scalar?.string, let other = convert(text) else { return nil }
        return ConfigurationNode(
            .scalar(.init(other, .implicit, .any, self.node.mark)), path: self.path, place: self.place,
            overrides: self.overrides, remarks: self.remarks)
    }

    /// The variables of the environment that no setting has.
    func unknownVariables(known: [String], ignored: Set<String>, command: String) -> [ConfigurationError] {
        self.overrides.unknownVariables(known: known, ignored: ignored, command: command)
    }

    /// Whether a variable of the environment is said.
    func hasVariable(_ name: String) -> Bool { self.overrides.hasVariable(name) }

    /// Adds a remark that is no mistake.
    func warn(_ warning: String) { self.remarks.warn(warning) }

    /// Adds mistakes that do not stop the reading.
    func report(_ problems: ConfigurationProblems) { self.remarks.report(problems) }

    /// The remarks about all of the configuration that are no mistakes.
    var allWarnings: [String] { self.remarks.warnings }
    /// The mistakes in all of the configuration that did not stop the reading.
    var reportedProblems: ConfigurationProblems { self.remarks.problems }

    /// The value of a key below this node that the command line or the environment says in place of the file.
    func override(of path: String) -> ConfigurationNode? {
        let path = self.path.isEmpty ? path : "\(self.path).\(path)"
        guard let said = self.overrides.values(of: path) else { return nil }
        let texts = said.values.map { Node($0) }
        return ConfigurationNode(
            texts.count == 1 ? texts[0] : Node(texts), path: path, place: said.place, overrides: self.overrides,
            remarks: self.remarks)
    }

    /// A section whose lines are all comments is an empty one.
    private func mapping() throws(ConfigurationError) -> Node.Mapping {
        if let mapping = self.node.mapping { return mapping }
        guard self.isNull else { throw self.error("expected a mapping of names to values") }
        return Node.Mapping([])
    }

    /// The members of a mapping in the file.
    ///
    /// - Parameters:
    ///   - known: all keys that there may be; others are gathered as problems.
    ///   - listed: the keys that such a problem lists; `nil` for all that are known.
    ///   - suggestion: the hint at the key that was meant by one that is not known.
    func members(
        _ known: Set<String>, listed: Set<String>? = nil, problems: inout ConfigurationProblems,
        suggestion: (String) -> String? = { _ in nil }
    ) throws(ConfigurationError) -> [String: ConfigurationNode] {
        let mapping = try self.mapping()
        let prefix = self.path.isEmpty ? "" : "\(self.path)."
        var members: [String: ConfigurationNode] = [:]
        for (key, value) in mapping {
            let name = key.string ?? "?"
            guard known.contains(name) else {
                let hint =
                    suggestion(name)
                    ?? "known are \((listed ?? known).sorted().joined(separator: ", "))"
                problems.add(
                    ConfigurationOrigin(path: prefix + name, line: key.mark?.line, place: self.place)
                        .error("there is no such key; \(hint)"))
                continue
            }
            members[name] = self.child(value, path: prefix + name)
        }
        return members
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

    /// Whether nothing stands there, or YAML's null.
    var isNull: Bool {
        guard let scalar = self.node.scalar, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    package func string() throws -> String {
        guard let text = self.node.scalar?.string else { throw self.error("expected a text") }
        guard !self.isNull else { throw self.error("expected a value, not null") }
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

    /// A rate, as a number a second: `10/s`, `600/m`, `1000/h`.
    package func rate() throws -> Double {
        let parts = try self.string().split(separator: "/", omittingEmptySubsequences: false)
        let units = ["s": 1.0, "m": 60.0, "h": 3600.0]
        guard parts.count == 2, let count = Double(parts[0]), count > 0, count.isFinite,
            let unit = units[String(parts[1])]
        else { throw self.error("expected a rate such as 10/s, 600/m or 1000/h") }
        return count / unit
    }

    /// `250ms`, `30s`, `5m`, `1h`; zero is `0s`, or `0`.
    package func duration() throws -> TimeAmount {
        let text = try self.string()
        if text == "0" { return .zero }
        for (suffix, nanoseconds) in [("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)] where text.hasSuffix(suffix)
        {
            guard let value = Double(text.dropLast(suffix.count)), value >= 0 else { continue }
            guard value * nanoseconds < 1e17 else { throw self.error("expected a time below 27777h") }
            return .nanoseconds(Int64((value * nanoseconds).rounded()))
        }
        throw self.error("expected a time such as 250ms, 30s, 5m or 1h")
    }

    /// A number of bytes: `4096`, `64KiB`, `10MiB`, `1GiB`.
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
