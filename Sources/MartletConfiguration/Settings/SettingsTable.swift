/// The settings of a command, or of a mapping in its file.
package struct SettingsTable<Root: Sendable>: Sendable {
    /// The defaults.
    package let initial: Root
    package let sections: [SettingsSection<Root>]
    package let settings: [Setting<Root>]
    package let secrets: [SecretVariable]
    /// The settings by their keys, old ones too.
    private let known: [String: Setting<Root>]
    /// The keys that mappings may have, old ones too, by the mapping's path, which ends with a dot or is empty.
    private let names: [String: Set<String>]
    /// The keys of settings that no longer have these names.
    private let oldPaths: Set<String>

    package init(_ initial: Root, _ sections: [SettingsSection<Root>], secrets: [SecretVariable] = []) {
        self.initial = initial
        self.sections = sections
        self.secrets = secrets
        self.settings = sections.flatMap(\.settings)
        var known: [String: Setting<Root>] = [:]
        var names: [String: Set<String>] = [:]
        for setting in self.settings {
            for path in [setting.path] + setting.aliases.compactMap(\.path) {
                known[path] = setting
                var owner = ""
                for part in path.split(separator: ".") {
                    names[owner, default: []].insert(String(part))
                    owner += part + "."
                }
            }
        }
        self.oldPaths = Set(self.settings.flatMap { $0.aliases.compactMap(\.path) })
        self.known = known
        self.names = names
    }

    package init(_ initial: Root, _ settings: [Setting<Root>]) {
        self.init(initial, [SettingsSection("", settings)])
    }

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
        // Only the outermost settings have options and variables.
        let overrides = node.path.isEmpty ? self.overrides(of: node) : [:]
        let all = overrides.isEmpty ? said : said.merging(overrides) { $1 }
        for setting in self.settings {
            do {
                guard let value = try self.chosen(setting, of: all, in: node) else {
                    if setting.isRequired, reading.isSound(setting.path) {
                        reading.problems.add(node.missing(setting.path))
                    }
                    continue
                }
                reading.origins[setting.path] = value.origin
                if let owner = setting.owner, !reading.isSound(owner) { continue }
                try setting.read(value, &reading.values)
                // A mistake in the file is told although something takes precedence over it.
                if value.origin.precedence > 0 {
                    var unused = reading.values
                    reading.problems.gather {
                        let inFile = try self.chosen(setting, of: said, in: node, warns: false)
                        try inFile.map { try setting.read($0, &unused) }
                    }
                }
            } catch {
                reading.unread.insert(setting.path)
                reading.problems.gather { throw error }
            }
        }
        return reading
    }

    /// Reads a mapping in a list or under a name. What is wrong is reported to the node.
    package func entry(_ node: ConfigurationNode) -> SettingsEntry<Root> {
        let reading = self.read(node)
        node.report(reading.problems)
        return SettingsEntry(
            reading.values, origin: node.origin, origins: reading.origins, sections: reading.sections,
            unread: reading.unread)
    }

    /// Reads the outermost mapping of a file, and refuses variables of the environment that no setting has.
    ///
    /// - Parameters:
    ///   - command: the command whose `--help` lists the variables.
    ///   - others: variables of other commands, by name, with the command; they are told as warnings.
    package func read(
        root: ConfigurationNode, command: String, others: [String: String] = [:]
    ) -> SettingsReading<Root> {
        var reading = self.read(root)
        reading.problems.gather { try root.reportedProblems.throwAll() }
        reading.warnings = root.allWarnings
        let (plain, listed) = (self.settings.filter(\.form.isPlain), self.settings.filter { !$0.form.isPlain })
        for setting in listed where root.hasVariable(ConfigurationOverrides.variable(of: setting.path)) {
            let name = ConfigurationOverrides.variable(of: setting.path)
            reading.problems.add(ConfigurationError("\(name): \(setting.path) can only be set in a file"))
        }
        let own = plain.map { ConfigurationOverrides.variable(of: $0.path) } + self.secrets.map(\.name)
        let old = plain.flatMap { $0.aliases.compactMap(\.path) }.map(ConfigurationOverrides.variable(of:))
        let ignored = Set(old + listed.map { ConfigurationOverrides.variable(of: $0.path) }).union(others.keys)
        for error in root.unknownVariables(known: own, ignored: ignored, command: command) {
            reading.problems.add(error)
        }
        for (name, other) in others.sorted(by: { $0.key < $1.key }) where root.hasVariable(name) && !own.contains(name)
        {
            reading.warnings.append("\(name): this is a setting of \(other), not of \(command)")
        }
        return reading
    }

    /// The keys of settings that differ and wait for a restart.
    package func fixedDifferences(_ one: Root, _ other: Root) -> [String] {
        self.settings.filter { !$0.isLive && !$0.isSame(one, other) }.map(\.path)
    }

    /// The settings with the values that a root has.
    ///
    /// - Parameters:
    ///   - origins: the places of settings that are said, by path; the others have their defaults.
    ///   - conceal: makes a value fit to be seen, from its form and its text.
    package func values(
        of root: Root, origins: [String: ConfigurationOrigin] = [:],
        conceal: (SettingForm, String) -> String = { $1 }
    ) -> [SettingValue] {
        self.settings.map { setting in
            let text = setting.text(root).map { conceal(setting.form, $0) }
            let isSaid = origins[setting.path] != nil
            let absence = isSaid ? "set" : setting.absence ?? "none"
            return SettingValue(
                path: setting.path, text: text ?? absence, place: origins[setting.path]?.kindOfPlace,
                isLive: setting.isLive)
        }
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
            let current = names.filter { name in
                self.settings.contains { $0.path == prefix + name || $0.path.hasPrefix(prefix + name + ".") }
            }
            let members = try node.members(names, listed: current, problems: &reading.problems) { name in
                self.suggestion(for: prefix + name, prefix, in: node)
            }
            for name in names.sorted() {
                guard let member = members[name] else { continue }
                let path = prefix + name
                let isSection = self.names[path + "."] != nil
                if self.known[path] != nil, !isSection || !(member.isMapping || member.isNull) {
                    said[path] = member
                } else {
                    reading.sections[path] = member.origin
                    self.collect(member, path + ".", &said, &reading)
                }
            }
        }
        guard !problems.errors.isEmpty else { return }
        // The settings below it are not said to be missing.
        reading.unread.insert(String(prefix.dropLast()))
        reading.problems.gather { try problems.throwAll() }
    }

    /// The values of the command line and the environment, by path.
    private func overrides(of node: ConfigurationNode) -> [String: ConfigurationNode] {
        let paths = self.known.filter(\.value.form.isPlain).keys
        return Dictionary(uniqueKeysWithValues: paths.compactMap { path in node.override(of: path).map { (path, $0) } })
    }

    /// The hint at the key that was meant by one that is not known.
    private func suggestion(for path: String, _ prefix: String, in node: ConfigurationNode) -> String? {
        let siblings = (self.names[prefix] ?? []).map { prefix + $0 }.filter { !self.oldPaths.contains($0) }
        let meant =
            self.oldPaths.first { Suggestion.areSame($0, path) }.flatMap { self.known[$0]?.path }
            ?? Suggestion.key(for: path, siblings: siblings.sorted(), all: self.settings.map(\.path))
        guard let meant else { return nil }
        guard meant.utf8.elementsEqual(path.utf8) else { return "did you mean \(self.owner(node, prefix))\(meant)?" }
        // Each dot of a key is a mapping of its own.
        let parts = meant.split(separator: ".")
        return "write \(parts.last ?? "") below \(parts.dropLast().joined(separator: " below "))"
    }

    /// The path of the table's own mapping, with a dot at the end.
    private func owner(_ node: ConfigurationNode, _ prefix: String) -> String {
        let inner = prefix.isEmpty ? "" : String(prefix.dropLast())
        let path = inner.isEmpty ? node.path : String(node.path.dropLast(inner.count))
        return path.isEmpty || path.hasSuffix(".") ? path : path + "."
    }

    /// The node that a setting is read from: the one that takes precedence, of its key and its old ones.
    ///
    /// - Parameter warns: whether old keys and forms are told.
    private func chosen(
        _ setting: Setting<Root>, of said: [String: ConfigurationNode], in owner: ConfigurationNode, warns: Bool = true
    ) throws -> ConfigurationNode? {
        let path = owner.path.isEmpty ? setting.path : "\(owner.path).\(setting.path)"
        var chosen = said[setting.path]
        for alias in setting.aliases {
            if let oldPath = alias.path, let old = said[oldPath] {
                let name = old.origin.name(of: path)
                if let chosen, chosen.origin.precedence == old.origin.precedence {
                    throw old.error("\(name) is said too, whose old name this is")
                }
                let converted = old.converted(alias.convert)
                let unit = converted.flatMap { try? $0.string() }.map { "; write \($0), with its unit" } ?? ""
                if warns { old.warn(old.error("this is now called \(name)\(unit)").reason) }
                guard (chosen?.origin.precedence ?? -1) < old.origin.precedence else { continue }
                chosen = converted ?? old
            } else if alias.path == nil, let node = chosen, let converted = node.converted(alias.convert) {
                if warns { node.warn(node.error("write \((try? converted.string()) ?? ""), with its unit").reason) }
                chosen = converted
            }
        }
        return chosen
    }
}
