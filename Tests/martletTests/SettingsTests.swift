import ArgumentParser
import Foundation
import MartletConfiguration
import MartletProxy
import MartletServer
import Testing

@testable import martlet

/// One table makes the parser, the options, the environment, `--help` and the documents: here they are compared.
@Suite("Settings, said once")
struct SettingsTests {
    struct Command: Sendable, CustomStringConvertible {
        let name: String
        let settings: [SettingDescription]
        let help: String
        let options: @Sendable ([String]) throws -> [String: [String]]
        /// All that was read, as text.
        let read:
            @Sendable (_ file: String?, _ flags: [String: [String]], _ environment: [String: String]) throws -> String
        let document: String

        var description: String { self.name }
    }

    private static func dump(_ value: Any) -> String {
        var text = ""
        Swift.dump(value, to: &text)
        // Places differ, and so do addresses of objects.
        return text
    }

    static let commands: [Command] = [
        Command(
            name: "serve", settings: ServeSettings.descriptions, help: Serve.helpMessage(columns: 10_000),
            options: { arguments in
                let serve = try Serve.parse(arguments)
                return [serve.listening.flags, serve.access.flags, serve.limits.flags, serve.behavior.flags]
                    .reduce(into: [:]) { $0.merge($1) { $1 } }
            },
            read: { try Self.dump(ServeSettings(file: $0, flags: $1, environment: $2).values) },
            document: "docs/operations.md"),
        Command(
            name: "proxy", settings: ProxySettings.descriptions, help: Proxy.helpMessage(columns: 10_000),
            options: { try Proxy.parse($0).options.flags },
            read: { try Self.dump(ProxySettings(file: $0, flags: $1, environment: $2).values) },
            document: "docs/proxy.md"),
        Command(
            name: "echo", settings: EchoSettings.descriptions, help: Echo.helpMessage(columns: 10_000),
            options: { try Echo.parse($0).options.flags },
            read: { try Self.dump(EchoSettings(file: $0, flags: $1, environment: $2).values) },
            document: "docs/operations.md"),
    ]

    struct Case: Sendable, CustomStringConvertible {
        let command: Command
        let setting: SettingDescription
        var description: String { "\(self.command.name) \(self.setting.path)" }

        /// A valid text that is not the default.
        var example: String {
            if case .bool = self.setting.form.kind { return self.setting.defaultText == "true" ? "false" : "true" }
            return self.setting.form.example
        }

        /// Settings without which this one means nothing.
        var companions: [String: [String]] {
            let isProxy = self.command.name == "proxy" && self.setting.path != "to"
            return self.related.merging(isProxy ? ["to": ["http://a"]] : [:]) { $1 }
        }

        private var related: [String: [String]] {
            switch (self.command.name, self.setting.path) {
            case (_, "limits.connectionBurst"): ["limits.connectionRate": ["5/s"]]
            case (_, "limits.pushBurst"): ["limits.pushRate": ["5/s"]]
            case (_, "accessLog.format"): ["accessLog.file": ["a.log"]]
            case (_, "tls.certificate"): ["tls.key": ["b"]]
            case (_, "tls.key"): ["tls.certificate": ["b"]]
            case ("echo", "contextTakeover"): ["compress": ["true"]]
            default: [:]
            }
        }
    }

    static let cases: [Case] = commands.flatMap { command in
        command.settings.filter(\.form.isPlain).map { Case(command: command, setting: $0) }
    }

    /// A file that says one key.
    private static func file(_ path: String, _ text: String) throws -> String {
        let file = "/tmp/martlet-settings-\(UInt64.random(in: 0 ... .max)).yaml"
        let parts = path.split(separator: ".")
        let lines = parts.enumerated().map { String(repeating: " ", count: 2 * $0) + $1 + ":" }
        try (lines.joined(separator: "\n") + " '\(text)'").write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    // MARK: Everywhere the same

    @Test("a setting means the same in a file, in the environment and on the command line", arguments: cases)
    func places(_ one: Case) throws {
        let path = one.setting.path
        let file = try Self.file(path, one.example)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let arguments = one.setting.isFlag ? [one.setting.flag] : [one.setting.flag, one.example]
        let more = one.companions.flatMap { [ConfigurationOverrides.flag(of: $0), $1[0]] }.filter { $0 != "true" }
        let flags = try one.command.options(arguments + more)
        #expect(flags[path] == [one.example])
        let base =
            try (try? one.command.read(nil, one.companions, [:]))
            ?? one.command.read(nil, one.command.name == "proxy" ? ["to": ["http://a"]] : [:], [:])
        let fromFile = try one.command.read(file, one.companions, [:])
        let fromEnvironment = try one.command.read(nil, one.companions, [one.setting.variable: one.example])
        let fromFlag = try one.command.read(nil, flags, [:])
        // A policy of origins is a function, which no text shows.
        #expect(fromFile != base || path == "origin", "\(one.example) is the default")
        #expect(fromFile == fromEnvironment && fromFile == fromFlag)
    }

    @Test("an option can undo what a file says", arguments: cases.filter(\.setting.isFlag))
    func inversion(_ one: Case) throws {
        let file = try Self.file(one.setting.path, "true")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let name = "--no-" + one.setting.flag.dropFirst(2)
        let companions = one.companions.merging(one.companions) { $1 }
        let flags = try one.command.options([name] + (one.command.name == "proxy" ? ["--to", "http://a"] : []))
        #expect(flags[one.setting.path] == ["false"])
        #expect(
            try one.command.read(file, flags.merging(companions) { $1 }, [:]) == one.command.read(nil, companions, [:]))
    }

    @Test("an old key means what the new one means", arguments: cases.filter { !$0.setting.oldPaths.isEmpty })
    func oldKeys(_ one: Case) throws {
        for path in one.setting.oldPaths {
            let flag = ConfigurationOverrides.flag(of: path)
            let more = one.companions.flatMap { [ConfigurationOverrides.flag(of: $0), $1[0]] }
            #expect(try one.command.options([flag, one.example] + more)[path] == [one.example])
            let (old, new) = ([path: [one.example]], [one.setting.path: [one.example]])
            #expect(
                try one.command.read(nil, old.merging(one.companions) { $1 }, [:])
                    == one.command.read(nil, new.merging(one.companions) { $1 }, [:]))
            #expect(!one.command.help.contains(flag + " "), "help shows \(flag)")
        }
    }

    @Test("help has every setting with its default", arguments: cases)
    func help(_ one: Case) throws {
        let options = one.command.help.replacing(#/\n {20,}/#, with: " ").split(separator: "\n")
        let line = try #require(
            options.first { $0.hasPrefix("  \(one.setting.flag) ") || $0.hasPrefix("  \(one.setting.flag)/--no-") },
            "there is no \(one.setting.flag)")
        if !one.setting.isFlag {
            #expect(line.contains("Default: \(one.setting.defaultText.filter { $0 != "`" })."), "\(line)")
        }
    }

    @Test("no two settings have the same option or variable", arguments: commands)
    func names(_ command: Command) {
        let plain = command.settings.filter(\.form.isPlain)
        let flags = plain.flatMap { [$0.flag] + $0.oldPaths.map(ConfigurationOverrides.flag(of:)) }
        #expect(Set(flags).count == flags.count)
    }

    @Test("settings that both daemons have are of the same kind")
    func shared() {
        let serve = Dictionary(uniqueKeysWithValues: ServeSettings.descriptions.map { ($0.path, $0) })
        let both = ProxySettings.descriptions.compactMap { proxy in serve[proxy.path].map { (proxy, $0) } }
        #expect(
            both.map(\.0.path).sorted() == [
                "admin.listen", "drain.delay", "drain.time", "limits.connections", "listen", "log.format", "log.level",
            ])
        for (proxy, serve) in both { #expect(proxy.form.name == serve.form.name) }
    }

    // MARK: Documents

    /// The tables that documents show, each between two comments.
    private static func table(_ command: Command) -> String {
        let isReloaded = command.name != "echo"
        var lines =
            isReloaded
            ? ["| key | default | live | |", "| --- | --- | --- | --- |"]
            : ["| key | default | |", "| --- | --- | --- |"]
        for (path, setting) in command.settings.flatMap({ $0.rows() }) {
            let text = setting.defaultText
            let isValue = !text.contains(" ") && !["none", "any", "required", "never"].contains(text)
            let defaultText = setting.isFlag || isValue ? "`\(text)`" : text
            let live = isReloaded ? (setting.isLive ? "yes | " : "| ") : ""
            let old = setting.oldPaths.isEmpty ? "" : " (Once `\(setting.oldPaths.joined(separator: "`, `"))`.)"
            lines.append("| `\(path)` | \(defaultText) | \(live)\(setting.help)\(old) |")
        }
        return "\n" + lines.joined(separator: "\n") + "\n"
    }

    @Test(
        "the documents have the tables of settings; WRITE_DOCUMENTS=1 writes them", .serialized, arguments: commands)
    func documents(_ command: Command) throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let file = "\(root)/\(command.document)"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let (begin, end) = ("<!-- settings of martlet \(command.name) -->\n", "\n<!-- end of settings -->")
        let start = try #require(text.range(of: begin), "\(command.document) has no table of martlet \(command.name)")
        let stop = try #require(text.range(of: end, range: start.upperBound..<text.endIndex))
        let table = Self.table(command)
        if ProcessInfo.processInfo.environment["WRITE_DOCUMENTS"] != nil {
            try text.replacingCharacters(in: start.upperBound..<stop.lowerBound, with: table)
                .write(toFile: file, atomically: true, encoding: .utf8)
        } else {
            #expect(
                text[start.upperBound..<stop.lowerBound] == table,
                "run: WRITE_DOCUMENTS=1 swift test --traits Service --filter SettingsTests")
        }
    }
}
