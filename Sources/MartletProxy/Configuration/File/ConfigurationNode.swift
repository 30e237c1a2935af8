import NIOCore
import Yams

/// A value in a configuration file, with where it stands, so that every complaint names the key and the line.
struct ConfigurationNode {
    /// Dotted: `routes[0].path`.
    let path: String
    let node: Node
    private let file: String

    init(_ node: Node, path: String, file: String) {
        self.node = node
        self.path = path
        self.file = file
    }

    func error(_ reason: String) -> ProxyError {
        let line = self.node.mark.map { ":\($0.line)" } ?? ""
        let key = self.path.isEmpty ? "" : "\(self.path): "
        return ProxyError(.configuration, reason: "\(self.file)\(line): \(key)\(reason)")
    }

    /// The members of a mapping; `known` are all that there may be.
    func members(_ known: Set<String>) throws -> ConfigurationMembers {
        guard let mapping = self.node.mapping else { throw self.error("expected a mapping of names to values") }
        var members: [String: ConfigurationNode] = [:]
        for (key, value) in mapping {
            let name = key.string ?? "?"
            let child = ConfigurationNode(
                value, path: self.path.isEmpty ? name : "\(self.path).\(name)", file: self.file)
            guard known.contains(name) else {
                let near = known.sorted().joined(separator: ", ")
                let line = key.mark.map { ":\($0.line)" } ?? ""
                throw ProxyError(
                    .configuration,
                    reason: "\(self.file)\(line): \(child.path): there is no such key; known are \(near)")
            }
            members[name] = child
        }
        return ConfigurationMembers(owner: self, members: members)
    }

    /// The members of a mapping whose names are the user's.
    func namedMembers() throws -> [(name: String, node: ConfigurationNode)] {
        guard let mapping = self.node.mapping else { throw self.error("expected a mapping of names to values") }
        return mapping.map { key, value in
            let name = key.string ?? "?"
            return (name, ConfigurationNode(value, path: "\(self.path).\(name)", file: self.file))
        }
    }

    func elements() throws -> [ConfigurationNode] {
        guard let sequence = self.node.sequence else { throw self.error("expected a list") }
        return sequence.enumerated().map { ConfigurationNode($1, path: "\(self.path)[\($0)]", file: self.file) }
    }

    var isMapping: Bool { self.node.mapping != nil }

    func string() throws -> String {
        guard let text = self.node.scalar?.string else { throw self.error("expected a text") }
        return text
    }

    /// A list of texts, or a single one.
    func strings() throws -> [String] {
        if self.node.sequence != nil { return try self.elements().map { try $0.string() } }
        return [try self.string()]
    }

    func bool() throws -> Bool {
        switch try self.string() {
        case "true": true
        case "false": false
        default: throw self.error("expected true or false")
        }
    }

    func int(_ range: ClosedRange<Int>) throws -> Int {
        guard let value = Int(try self.string()), range.contains(value) else {
            throw self.error("expected a whole number, \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func positiveNumber() throws -> Double {
        guard let value = Double(try self.string()), value > 0, value.isFinite else {
            throw self.error("expected a number above 0")
        }
        return value
    }

    /// `250ms`, `30s`, `5m`, `1h`; zero is `0s`.
    func duration() throws -> TimeAmount {
        let text = try self.string()
        for (suffix, nanoseconds) in [("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)] where text.hasSuffix(suffix)
        {
            guard let value = Double(text.dropLast(suffix.count)), value >= 0, value * nanoseconds < 1e17 else {
                continue
            }
            return .nanoseconds(Int64(value * nanoseconds))
        }
        throw self.error("expected a time such as 250ms, 30s, 5m or 1h")
    }

    /// As ``duration()``, but not zero.
    func timeout() throws -> TimeAmount {
        let time = try self.duration()
        guard time > .zero else { throw self.error("expected a time above 0") }
        return time
    }

    /// Bytes: `4096`, `64KiB`, `10MiB`, `1GiB`.
    func size() throws -> Int {
        let text = try self.string()
        for (suffix, factor) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
        where text.hasSuffix(suffix) {
            guard let value = Int(text.dropLast(suffix.count)), value >= 0, value <= Int.max / factor else { continue }
            return value * factor
        }
        throw self.error("expected a size such as 4096, 64KiB, 10MiB or 1GiB")
    }
}
