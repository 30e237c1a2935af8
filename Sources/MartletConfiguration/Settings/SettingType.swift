package import NIOCore

/// The type of a setting's value: how it is read, and how it is written in documents.
package struct SettingType<Value>: Sendable {
    package let form: SettingForm
    package let parse: @Sendable (ConfigurationNode) throws -> Value
    /// The value as a file has it; `nil` when there is none.
    package let text: @Sendable (Value) -> String?

    package init(
        _ form: SettingForm, text: @escaping @Sendable (Value) -> String? = { _ in nil },
        parse: @escaping @Sendable (ConfigurationNode) throws -> Value
    ) {
        self.form = form
        self.parse = parse
        self.text = text
    }

    /// The same type, where there may be no value.
    package var optional: SettingType<Value?> {
        SettingType<Value?>(self.form, text: { [text] in $0.flatMap(text) }) { [parse] in try parse($0) }
    }

    /// The same type, as something else.
    package func map<Other>(
        _ transform: @escaping @Sendable (Value) -> Other, back: @escaping @Sendable (Other) -> Value
    ) -> SettingType<Other> {
        SettingType<Other>(self.form, text: { [text] in text(back($0)) }) { [parse] in transform(try parse($0)) }
    }

    /// One of several words.
    package static func choice(_ name: String, _ choices: [(word: String, value: Value)]) -> Self
    where Value: Equatable & Sendable {
        Self(
            SettingForm(name, example: choices[choices.count - 1].word),
            text: { value in choices.first { $0.value == value }?.word }
        ) { node in
            let text = try node.string()
            if let choice = choices.first(where: { $0.word.utf8.elementsEqual(text.utf8) }) { return choice.value }
            let words = choices.map(\.word)
            throw node.error("expected \(words.dropLast().joined(separator: ", ")) or \(words[words.count - 1])")
        }
    }

    /// A mapping whose keys are a table's.
    package static func mapping(_ table: SettingsTable<Value>) -> Self where Value: Sendable {
        Self(SettingForm("mapping", example: "{}", kind: .mapping(table.descriptions))) { node in
            let reading = table.read(node)
            try reading.problems.throwAll()
            return reading.values
        }
    }

    /// A list of at least one mapping whose keys are a table's.
    ///
    /// - Parameter short: reads an element that is no mapping; `nil` when all must be.
    package static func mappings<Element: Sendable>(
        _ table: SettingsTable<Element>, short: (@Sendable (ConfigurationNode) throws -> SettingsEntry<Element>)? = nil
    ) -> Self where Value == [SettingsEntry<Element>] {
        Self(SettingForm("list", example: "[]", kind: .mappings(table.descriptions))) { node in
            let nodes = try node.elements()
            guard !nodes.isEmpty else { throw node.error("expected at least one element") }
            // What is wrong with an element does not hide the others.
            return nodes.compactMap { element in
                guard let short, !element.isMapping else { return table.entry(element) }
                var problems = ConfigurationProblems()
                var entry: SettingsEntry<Element>?
                problems.gather { entry = try short(element) }
                element.report(problems)
                return entry
            }
        }
    }

    /// A mapping of names to mappings whose keys are a table's.
    package static func namedMappings<Element: Sendable>(
        _ table: SettingsTable<Element>
    ) -> Self where Value == [String: SettingsEntry<Element>] {
        Self(SettingForm("mapping", example: "{}", kind: .namedMappings(table.descriptions))) { node in
            try Dictionary(node.namedMembers().map { ($0.name, table.entry($0.node)) }) { first, _ in first }
        }
    }
}

extension SettingType<String> {
    package static var text: Self { .text("text", example: "text") }
    /// The name of a file.
    package static var file: Self { .text("file", example: "/etc/martlet/file") }

    /// A text that is not empty.
    package static func text(_ name: String, example: String) -> Self {
        Self(SettingForm(name, example: example), text: { $0 }) { node in
            let text = try node.string()
            guard !text.utf8.isEmpty else { throw node.error("expected a value, not an empty text") }
            return text
        }
    }
}

extension SettingType<[String]> {
    /// A list of texts, or a single one.
    package static func texts(_ name: String, example: String) -> Self {
        Self(SettingForm(name, example: example, kind: .list), text: { $0.joined(separator: ", ") }) {
            try $0.strings()
        }
    }
}

extension SettingType<Bool> {
    package static var bool: Self {
        Self(SettingForm("true|false", example: "true", kind: .bool), text: { "\($0)" }) { try $0.bool() }
    }
}

extension SettingType<Int> {
    package static func int(_ range: ClosedRange<Int>) -> Self {
        Self(SettingForm("number", example: "\(min(range.lowerBound + 1, range.upperBound))"), text: { "\($0)" }) {
            try $0.int(range)
        }
    }

    /// Bytes: `64KiB`.
    package static func size(_ range: ClosedRange<Int>) -> Self {
        Self(
            SettingForm("size", example: ConfigurationText.size(min(range.lowerBound * 2, range.upperBound))),
            text: { ConfigurationText.size($0) }
        ) { node in
            let size = try node.size()
            guard range.contains(size) else {
                throw node.error(
                    "expected a size from \(ConfigurationText.size(range.lowerBound)) to \(ConfigurationText.size(range.upperBound))"
                )
            }
            return size
        }
    }
}

extension SettingType<Double> {
    /// A rate, read as a number a second: `10/s`.
    package static var rate: Self {
        Self(SettingForm("rate", example: "7/s"), text: { "\(ConfigurationText.number($0))/s" }) { try $0.rate() }
    }
}

extension SettingType<Double> {
    /// A number above 0.
    package static var positive: Self {
        Self(SettingForm("number", example: "7"), text: { ConfigurationText.number($0) }) { node in
            guard let value = Double(try node.string()), value > 0, value.isFinite else {
                throw node.error("expected a number above 0")
            }
            return value
        }
    }
}

extension SettingType<TimeAmount> {
    /// `30s`; zero is one.
    package static var duration: Self {
        Self(SettingForm("time", example: "7s"), text: { ConfigurationText.time($0.nanoseconds) }) {
            try $0.duration()
        }
    }

    /// A time of at least some length.
    package static func timeout(atLeast least: TimeAmount) -> Self {
        Self(SettingForm("time", example: "7s"), text: { ConfigurationText.time($0.nanoseconds) }) { node in
            let time = try node.duration()
            guard time >= least else {
                throw node.error("expected a time of at least \(ConfigurationText.time(least.nanoseconds))")
            }
            return time
        }
    }

    /// A time of at least a millisecond.
    package static var timeout: Self { .timeout(atLeast: .milliseconds(1)) }
}

extension SettingType<Duration> {
    /// `30s`; zero is one.
    package static var duration: Self {
        SettingType<TimeAmount>.duration.map({ .nanoseconds($0.nanoseconds) }) { duration in
            let (seconds, attoseconds) = duration.components
            return .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        }
    }
}
