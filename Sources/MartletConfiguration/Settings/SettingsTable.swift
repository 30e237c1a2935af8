/// The settings of a command, or of a mapping in its file.
package struct SettingsTable<Root: Sendable>: Sendable {
    /// The defaults.
    package let initial: Root
    package let sections: [SettingsSection<Root>]
    package let secrets: [SecretVariable]
    /// The settings by their keys, old ones too.
    private let known: [String: Setting<Root>]
    /// The keys that mappings may have, by the mapping's path, which ends with a dot or is empty.
    private let names: [String: Set<String>]

    package init(_ initial: Root, _ sections: [SettingsSection<Root>], secrets: [SecretVariable] = []) {
        self.initial = initial
        self.sections = sections
        self.secrets = secrets
        var known: [String: Setting<Root>] = [:]
        var names: [String: Set<String>] = [:]
        for setting in sections.flatMap(\.settings) {
            for path in [setting.path] + setting.aliases.compactMap(\.path) {
                known[path] = setting
                var owner = ""
                for part in path.split(separator: ".") {
                    names[owner, default: []].insert(String(part))
                    owner += part + "."
                }
            }
        }
        self.known = known
        self.names = names
    }

    package init(_ initial: Root, _ settings: [Setting<Root>]) {
        self.init(initial, [SettingsSection("", settings)])
    }

    package var settings: [Setting<Root>] { self.sections.flatMap(\.settings) }

    package var descriptions: [SettingDescription] {
        self.sections.flatMap { section in
            section.settings.map { setting in
                SettingDescription(
                    path: setting.path, section: section.title, help: setting.help, form: setting.form,
                    defaultText: setting.absence ?? setting.text(self.initial) ?? "none", isLive: setting.isLive,
                    isRequired: setting.isRequired, oldPaths: setting.aliases.compactMap(\.path))
            }
        }
    }

    /// Reads a mapping. What is wrong is gathered, and the settings concerned keep their defaults.
    package func read(_ node: ConfigurationNode) -> SettingsReading<Root> {
        var reading = SettingsReading(values: self.initial, origin: node.origin)
        var said: [String: ConfigurationNode] = [:]
        self.collect(node, "", &said, &reading)
        for path in self.known.keys { if let node = node.override(of: path) { said[path] = node } }
        for setting in self.settings {
            do {
                guard let value = try self.chosen(setting, of: said, in: node) else {
                    if setting.isRequired, reading.isSound(setting.path) {
                        reading.problems.add(node.missing(setting.path))
                    }
                    continue
                }
                reading.origins[setting.path] = value.origin
                try setting.read(value, &reading.values)
            } catch {
                reading.unread.insert(setting.path)
                reading.problems.gather { throw error }
            }
        }
        return reading
    }

    /// Reads a mapping in a list or under a name.
    ///
    /// - Throws: ``ConfigurationProblems`` with all that is wrong.
    package func entry(_ node: ConfigurationNode) throws -> SettingsEntry<Root> {
        let reading = self.read(node)
        try reading.problems.throwAll()
        return SettingsEntry(
            reading.values, origin: node.origin, origins: reading.origins, sections: reading.sections)
    }

    /// Reads the outermost mapping of a file, and refuses variables of the environment that no setting has.
    ///
    /// - Parameter command: the command whose `--help` lists the variables.
    package func read(root: ConfigurationNode, command: String) -> SettingsReading<Root> {
        var reading = self.read(root)
        reading.warnings = root.allWarnings
        let plain = self.settings.filter(\.form.isPlain).flatMap { [$0.path] + $0.aliases.compactMap(\.path) }
        for error in root.unknownVariables(
            known: Set(plain.map(ConfigurationOverrides.variable(of:))).union(self.secrets.map(\.name)),
            command: command)
        {
            reading.problems.add(error)
        }
        return reading
    }

    /// The keys of settings that differ and wait for a restart.
    package func fixedDifferences(_ one: Root, _ other: Root) -> [String] {
        self.settings.filter { !$0.isLive && !$0.isSame(one, other) }.map(\.path)
    }

    /// Values with what cannot change while the command runs taken from those in force.
    package func keepingFixed(of old: Root, in new: Root) -> Root {
        var kept = new
        for setting in self.settings where !setting.isLive { setting.copy(old, &kept) }
        return kept
    }

    // MARK: Reading

    /// Finds the nodes of settings in a mapping and in those below it.
    private func collect(
        _ node: ConfigurationNode, _ prefix: String, _ said: inout [String: ConfigurationNode],
        _ reading: inout SettingsReading<Root>
    ) {
        let names = self.names[prefix] ?? []
        var problems = ConfigurationProblems()
        problems.gather {
            let members = try node.members(names, problems: &reading.problems) { self.suggestion(for: $0) }
            for name in names.sorted() {
                guard let member = members[name] else { continue }
                let path = prefix + name
                let isSection = self.names[path + "."] != nil
                if self.known[path] != nil, !isSection || !member.isMapping {
                    said[path] = member
                } else {
                    reading.sections[path] = member.origin
                    self.collect(member, path + ".", &said, &reading)
                }
            }
        }
        guard !problems.errors.isEmpty else { return }
        // What stands below it counts as said, so that it is not told to be missing.
        reading.unread.insert(String(prefix.dropLast()))
        reading.problems.gather { try problems.throwAll() }
    }

    /// A key elsewhere in the table that has the same last name.
    private func suggestion(for name: String) -> String? {
        self.known.keys.sorted().first { $0.hasSuffix("." + name) }
    }

    /// The node that a setting is read from: the one that takes precedence, of its key and its old ones.
    private func chosen(
        _ setting: Setting<Root>, of said: [String: ConfigurationNode], in owner: ConfigurationNode
    ) throws -> ConfigurationNode? {
        let name = owner.path.isEmpty ? setting.path : "\(owner.path).\(setting.path)"
        var chosen = said[setting.path]
        for alias in setting.aliases {
            if let path = alias.path, let old = said[path] {
                if let chosen, chosen.origin.precedence == old.origin.precedence {
                    throw old.error("\(name) is said too, whose old name this is")
                }
                old.warn(old.error("this is now called \(name)").reason)
                guard (chosen?.origin.precedence ?? -1) < old.origin.precedence else { continue }
                chosen = old.converted(alias.convert) ?? old
            } else if alias.path == nil, let node = chosen, let converted = node.converted(alias.convert) {
                node.warn(node.error("write \((try? converted.string()) ?? ""), with its unit").reason)
                chosen = converted
            }
        }
        return chosen
    }
}
