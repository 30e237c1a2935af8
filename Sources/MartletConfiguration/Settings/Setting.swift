/// A setting of a command, said once: its key, the type of its value, what it does, its default, and whether it is live.
///
/// The parser of files, the options of the command line, the environment, `--help`, the tables in docs/, `check-config` and
/// reloading all follow from it.
package struct Setting<Root: Sendable>: Sendable {
    /// The key, dotted: `limits.pushRate`.
    package let path: String
    package let help: String
    package let form: SettingForm
    /// Whether a change is in force as soon as the file has changed; otherwise the command must be started again.
    package let isLive: Bool
    package private(set) var isRequired = false
    package private(set) var aliases: [SettingAlias] = []
    /// The setting that this one belongs to, if any: when that cannot be read, this one is not looked at.
    private(set) var owner: String?
    /// The words for a default that is no value: `none`.
    let absence: String?
    let read: @Sendable (ConfigurationNode, inout Root) throws -> Void
    /// The value as a file has it; `nil` when there is none.
    let text: @Sendable (Root) -> String?
    let isSame: @Sendable (Root, Root) -> Bool
    let copy: @Sendable (_ source: Root, _ target: inout Root) -> Void

    /// A setting that is live.
    ///
    /// - Parameters:
    ///   - absence: the words for a default that is no value.
    ///   - help: a sentence.
    package static func live<Value>(
        _ path: String, _ key: WritableKeyPath<Root, Value> & Sendable, _ type: SettingType<Value>,
        default absence: String? = nil, _ help: String
    ) -> Self {
        Self(
            path: path, help: help, form: type.form, isLive: true, absence: absence,
            read: { node, root in root[keyPath: key] = try type.parse(node) }, text: { type.text($0[keyPath: key]) },
            isSame: { _, _ in true }, copy: { source, target in target[keyPath: key] = source[keyPath: key] })
    }

    /// A setting that is live and may have no value.
    package static func live<Value>(
        _ path: String, _ key: WritableKeyPath<Root, Value?> & Sendable, _ type: SettingType<Value>,
        default absence: String? = nil, _ help: String
    ) -> Self {
        .live(path, key, type.optional, default: absence, help)
    }

    /// A live setting whose value is put where it belongs by a function.
    ///
    /// - Parameter set: throws ``SettingMisuse`` for a value that may not stand beside those of earlier settings.
    package static func live<Value>(
        _ path: String, _ type: SettingType<Value>, default absence: String? = nil, _ help: String,
        get: @escaping @Sendable (Root) -> Value? = { _ in nil },
        set: @escaping @Sendable (inout Root, Value) throws -> Void
    ) -> Self {
        Self(
            path: path, help: help, form: type.form, isLive: true, absence: absence,
            read: { node, root in
                let value = try type.parse(node)
                do { try set(&root, value) } catch let misuse as SettingMisuse { throw node.error(misuse.reason) }
            }, text: { get($0).flatMap(type.text) }, isSame: { _, _ in true }, copy: { _, _ in })
    }

    /// A setting whose change waits for a restart.
    package static func fixed<Value: Equatable>(
        _ path: String, _ key: WritableKeyPath<Root, Value> & Sendable, _ type: SettingType<Value>,
        default absence: String? = nil, _ help: String
    ) -> Self {
        Self(
            path: path, help: help, form: type.form, isLive: false, absence: absence,
            read: { node, root in root[keyPath: key] = try type.parse(node) }, text: { type.text($0[keyPath: key]) },
            isSame: { $0[keyPath: key] == $1[keyPath: key] },
            copy: { source, target in target[keyPath: key] = source[keyPath: key] })
    }

    /// A setting that may have no value, and whose change waits for a restart.
    package static func fixed<Value: Equatable>(
        _ path: String, _ key: WritableKeyPath<Root, Value?> & Sendable, _ type: SettingType<Value>,
        default absence: String? = nil, _ help: String
    ) -> Self {
        .fixed(path, key, type.optional, default: absence, help)
    }

    /// The same setting, which must be there.
    package var required: Self {
        var setting = self
        setting.isRequired = true
        return setting
    }

    /// The same setting, which belongs to another one.
    package func belonging(to path: String) -> Self {
        var setting = self
        setting.owner = path
        return setting
    }

    /// The same setting, which may also be said in older ways; each is told as a warning.
    package func alias(_ aliases: SettingAlias...) -> Self {
        var setting = self
        setting.aliases += aliases
        return setting
    }

    /// The same setting, of something that has the root as a part.
    ///
    /// - Parameter prefix: the path of the mapping in which it stands there, with a dot at the end.
    package func at<Whole>(
        _ part: WritableKeyPath<Whole, Root> & Sendable, under prefix: String = ""
    ) -> Setting<Whole> {
        var setting = Setting<Whole>(
            path: prefix + self.path, help: self.help, form: self.form, isLive: self.isLive, absence: self.absence,
            read: { [read] node, whole in try read(node, &whole[keyPath: part]) },
            text: { [text] in text($0[keyPath: part]) },
            isSame: { [isSame] in isSame($0[keyPath: part], $1[keyPath: part]) },
            copy: { [copy] source, target in copy(source[keyPath: part], &target[keyPath: part]) })
        setting.isRequired = self.isRequired
        setting.aliases = self.aliases.map { $0.under(prefix) }
        setting.owner = self.owner.map { prefix + $0 }
        return setting
    }
}
