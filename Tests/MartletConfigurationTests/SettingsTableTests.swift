import NIOCore
import Testing

@testable import MartletConfiguration

@Suite("Tables of settings")
struct SettingsTableTests {
    struct Server: Sendable, Equatable {
        var address = ""
        var weight = 1
    }

    struct Values: Sendable {
        var listen = "here"
        var rate: Double?
        var burst = 0
        var time = TimeAmount.seconds(5)
        var names: [String] = []
        var isOpen = false
        var servers: [SettingsEntry<Server>] = []
        var groups: [String: SettingsEntry<Server>] = [:]
        var inner: Server?
    }

    static let server = SettingsTable(
        Server(),
        [
            .live("address", \.address, .text, default: "required", "The address.").alias(.key("host")).required,
            .live("weight", \.weight, .int(1...9), "The weight."),
        ])

    static let table = SettingsTable(
        Values(),
        [
            SettingsSection(
                "One",
                [
                    .fixed("listen", \.listen, .text, "The address."),
                    .live("limits.rate", \.rate, .rate, default: "any", "The rate.").alias(.bareNumber(unit: "/s")),
                    Setting<Values>.live("limits.burst", .int(1...99), default: "none", "The burst.") { values, burst in
                        guard values.rate != nil else { throw SettingMisuse("there is no rate that this belongs to") }
                        values.burst = burst
                    }.belonging(to: "limits.rate"),
                    .live("drain.time", \.time, .duration, "The time.").alias(
                        .key("drainTimeout", unit: "s"), .key("drain")),
                ]),
            SettingsSection(
                "Two",
                [
                    .fixed("names", \.names, .texts("name", example: "a"), default: "none", "The names."),
                    .live("open", \.isOpen, .bool, "Whether it is open."),
                    .live(
                        "servers", \.servers,
                        .mappings(
                            Self.server, short: { SettingsEntry(Server(address: try $0.string()), origin: $0.origin) }),
                        "The servers."),
                    .live("groups", \.groups, .namedMappings(Self.server), "The groups."),
                    .live("inner", \.inner, .mapping(Self.server), "The inner one."),
                ]),
        ], secrets: [SecretVariable("MARTLET_SECRET", "A secret.")])

    private static func read(
        _ text: String, flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> SettingsReading<Values> {
        let root = try ConfigurationReading.root(text, flags: flags, environment: environment)
        return Self.table.read(root: root, command: "martlet x")
    }

    private static func complaints(
        _ text: String, flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> [String] {
        let reading = try Self.read(text, flags: flags, environment: environment)
        return (ConfigurationReading.complaint { try reading.problems.throwAny() } ?? "").split(separator: "\n")
            .map(String.init)
    }

    // MARK: Reading

    @Test("settings that are not said keep their defaults")
    func defaults() throws {
        let reading = try Self.read("{}")
        #expect(reading.values.listen == "here" && reading.values.time == .seconds(5) && reading.origins.isEmpty)
        #expect(reading.problems.isEmpty && reading.warnings.isEmpty)
    }

    @Test("settings of all kinds are read, in the order of the table, whatever their order in the file")
    func reading() throws {
        let reading = try Self.read(
            """
            limits:
              burst: 7
              rate: 600/m
            open: true
            names: [a, b]
            servers: [x, {address: y, weight: 2}]
            groups: {g: {address: z}}
            inner: {address: w}
            drain: {time: 1m}
            """)
        #expect(reading.problems.errors.map(\.reason) == [])
        let values = reading.values
        #expect(values.rate == 10 && values.burst == 7 && values.isOpen && values.names == ["a", "b"])
        #expect(values.servers.map(\.values) == [Server(address: "x"), Server(address: "y", weight: 2)])
        #expect(values.groups.mapValues(\.values) == ["g": Server(address: "z")] && values.inner?.address == "w")
        #expect(values.time == .minutes(1) && reading.origins["limits.burst"]?.line == 2)
    }

    @Test("a section comes to be by a key of the command line or the environment in it")
    func sections() throws {
        for text in ["{}", "limits:\n", "limits: {rate: 1/s}"] {
            let reading = try Self.read(
                text, flags: ["limits.rate": ["5/s"]], environment: ["MARTLET_LIMITS_BURST": "7"])
            #expect(reading.problems.errors.map(\.reason) == [])
            #expect(reading.values.rate == 5 && reading.values.burst == 7)
        }
    }

    // MARK: Mistakes

    @Test("all mistakes are told at once, in the order of the file, with those of the environment")
    func mistakes() throws {
        #expect(
            try Self.complaints(
                """
                listen: [a]
                limits: {rate: fast, burts: 1}
                names: {a: 1}
                servers:
                  - {weight: 10}
                  - {address: a, weigth: 1}
                groups: {g: {weight: 0, host: a}}
                nonsense: 1
                """, environment: ["MARTLET_OPEN": "yes", "MARTLET_LISTENS": "x", "MARTLET_SECRET": "x"]) == [
                    "MARTLET_OPEN: expected true or false",
                    "MARTLET_LISTENS: there is no such setting; did you mean MARTLET_LISTEN?",
                    "a.yaml:1: listen: expected a text",
                    "a.yaml:2: limits.burts: there is no such key; did you mean limits.burst?",
                    "a.yaml:2: limits.rate: expected a rate such as 10/s, 600/m or 1000/h",
                    "a.yaml:3: names: expected a text", "a.yaml:5: servers[0].address is missing",
                    "a.yaml:5: servers[0].weight: expected a whole number, 1 to 9",
                    "a.yaml:6: servers[1].weigth: there is no such key; did you mean servers[1].weight?",
                    "a.yaml:7: groups.g.weight: expected a whole number, 1 to 9",
                    "a.yaml:8: nonsense: there is no such key; known are drain, groups, inner, limits, listen, names, open, servers",
                ])
    }

    @Test("a key that stands at the wrong place is told with the right one")
    func wrongPlace() throws {
        #expect(try Self.complaints("rate: 1/s") == ["a.yaml:1: rate: there is no such key; did you mean limits.rate?"])
        #expect(
            try Self.complaints("limits: {time: 1s}") == [
                "a.yaml:1: limits.time: there is no such key; did you mean drain.time?"
            ])
    }

    @Test("a value that does not go with others is told at its place")
    func misuse() throws {
        #expect(
            try Self.complaints("limits: {burst: 7}") == [
                "a.yaml:1: limits.burst: there is no rate that this belongs to"
            ])
        #expect(
            try Self.complaints("{}", flags: ["limits.burst": ["7"]])
                == ["--limits-burst: there is no rate that this belongs to"])
    }

    @Test("what could not be read is known, so that nothing is said to be missing beside it")
    func unread() throws {
        let reading = try Self.read("limits: 7\ninner: {address: [a]}")
        #expect(!reading.isSound("limits") && !reading.isSound("inner") && reading.isSound("listen"))
        #expect(
            reading.problems.errors.map(\.reason).sorted() == [
                "a.yaml:1: limits: expected a mapping of names to values", "a.yaml:2: inner.address: expected a text",
            ])
    }

    @Test("a timeout is a millisecond or more", arguments: ["0", "0s", "0.9ms", "100ns", "0.0000001s"])
    func timeouts(text: String) throws {
        struct Values: Sendable { var time = TimeAmount.seconds(1) }
        let table = SettingsTable(Values(), [.live("time", \.time, .timeout, "The time.")])
        let reading = table.read(try ConfigurationReading.root("time: \(text)"))
        #expect(reading.problems.errors.count == 1 && reading.values.time == .seconds(1))
        #expect(table.read(try ConfigurationReading.root("time: 1ms")).values.time == .milliseconds(1))
    }

    @Test(
        "the key that was meant is found",
        arguments: [
            ("limits-rate: 1/s", "limits.rate"),
            ("limitsRate: 1/s", "limits.rate"),
            ("LIMITS_RATE: 1/s", "limits.rate"), ("burst: 1", "limits.burst"), ("lsiten: a", "listen"),
            ("LISTEN: a", "listen"), ("limits: {rat: 1/s}", "limits.rate"), ("drain: {tiem: 1s}", "drain.time"),
            ("draintime: 1s", "drain.time"), ("drainTimeOut: 1s", "drain.time"), ("ope: true", "open"),
            ("Limits: {}", "limits"), ("limit: {}", "limits"),
            ("limits: {ratelimit: 1/s}", "limits.rate"), ("tmie: 1", nil), ("x: 1", nil),
            ("limitsB: 1", "limits"), ("address: a", nil),
        ] as [(String, String?)])
    func suggestions(text: String, expected: String?) throws {
        let complaint = try #require(try Self.complaints(text).first)
        #expect(complaint.hasSuffix(expected.map { "did you mean \($0)?" } ?? "servers"), "\(complaint)")
    }

    @Test(
        "null is no value",
        arguments: ["listen: null", "listen: ~", "listen:", "names: [null]", "inner: {address: null}"])
    func null(text: String) throws {
        let complaints = try Self.complaints(text)
        #expect(complaints.count == 1 && complaints[0].hasSuffix("expected a value, not null"), "\(complaints)")
    }

    @Test(
        "a section of comments is empty, also where its name is an old key", arguments: ["drain:", "limits:\n  # a: 1"])
    func emptySections(text: String) throws {
        let reading = try Self.read(text)
        #expect(reading.problems.isEmpty && reading.warnings.isEmpty && reading.sections.count == 1)
    }

    @Test("a list has at least one element, and a wrong one does not hide the others")
    func lists() throws {
        #expect(try Self.complaints("servers: []") == ["a.yaml:1: servers: expected at least one element"])
        #expect(
            try Self.complaints("servers: [[a], {weight: 0, address: a}, {}, 5]")
                == [
                    "a.yaml:1: servers[0]: expected a text",
                    "a.yaml:1: servers[1].weight: expected a whole number, 1 to 9",
                    "a.yaml:1: servers[2].address is missing",
                ])
        #expect(try Self.complaints("groups: {g: 5}") == ["a.yaml:1: groups.g: expected a mapping of names to values"])
        #expect(try Self.complaints("[a]") == ["a.yaml:1: expected a mapping of names to values"])
    }

    @Test("a setting that belongs to one that cannot be read is not told as well")
    func belonging() throws {
        #expect(
            try Self.complaints("limits: {rate: fast, burst: 7}")
                == ["a.yaml:1: limits.rate: expected a rate such as 10/s, 600/m or 1000/h"])
    }

    @Test("a mistake in the file is told although something takes precedence over it")
    func hiddenMistakes() throws {
        #expect(
            try Self.complaints("limits: {rate: fast}", environment: ["MARTLET_LIMITS_RATE": "1/s"])
                == ["a.yaml:1: limits.rate: expected a rate such as 10/s, 600/m or 1000/h"])
    }

    @Test("an old form in the file is no mistake below what takes precedence over it, and is told once")
    func hiddenOldForms() throws {
        let environment = ["MARTLET_LIMITS_RATE": "1/s", "MARTLET_DRAIN_TIME": "1s"]
        let reading = try Self.read("limits: {rate: 20}\ndrainTimeout: 7", environment: environment)
        #expect(reading.problems.errors.map(\.reason) == [] && reading.values.rate == 1)
        #expect(reading.warnings.count == 1 && reading.values.time == .seconds(1))
        #expect(
            try Self.complaints("drainTimeout: x", environment: environment)
                == ["a.yaml:1: drainTimeout: expected a time such as 250ms, 30s, 5m or 1h"])
    }

    @Test("only the outermost settings have options and variables, and only those that are no lists of mappings")
    func variables() throws {
        #expect(
            try Self.complaints("{}", environment: ["MARTLET_SERVERS": "a"])
                == ["MARTLET_SERVERS: servers can only be set in a file"])
        #expect(
            try Self.complaints("inner: {address: a}", environment: ["MARTLET_INNER_WEIGHT": "2"]).count == 1)
        let root = try ConfigurationReading.root("{}", environment: ["MARTLET_OTHER": "1"])
        let reading = Self.table.read(root: root, command: "martlet x", others: ["MARTLET_OTHER": "martlet y"])
        #expect(reading.problems.isEmpty)
        #expect(reading.warnings == ["MARTLET_OTHER: this is a setting of martlet y, not of martlet x"])
    }

    // MARK: Old ways

    @Test(
        "an old key works and is told, whatever its form",
        arguments: [
            ("drainTimeout: 7s", 7), ("drainTimeout: 7", 7), ("drain: 7s", 7), ("drain: {time: 7s}", 7),
        ])
    func aliases(text: String, seconds: Int64) throws {
        let reading = try Self.read(text)
        #expect(reading.problems.errors.map(\.reason) == [] && reading.values.time == .seconds(seconds))
        let old = "a.yaml:1: \(text.split(separator: ":")[0]): this is now called drain.time"
        let unit = text == "drainTimeout: 7" ? "; write 7s, with its unit" : ""
        #expect(reading.warnings == (text.hasPrefix("drain: {") ? [] : [old + unit]))
    }

    @Test("an old key in a list is told too")
    func nestedAliases() throws {
        let reading = try Self.read("servers:\n- {host: a}\ngroups: {g: {host: b}}")
        #expect(reading.values.servers[0].values.address == "a" && reading.values.groups["g"]?.values.address == "b")
        #expect(
            reading.warnings == [
                "a.yaml:2: servers[0].host: this is now called servers[0].address",
                "a.yaml:3: groups.g.host: this is now called groups.g.address",
            ])
    }

    @Test("an old key and the new one exclude each other, unless one takes precedence")
    func bothNames() throws {
        #expect(
            try Self.complaints("drain: {time: 1s}\ndrainTimeout: 2s")
                == ["a.yaml:2: drainTimeout: drain.time is said too, whose old name this is"])
        #expect(try Self.read("drain: {time: 1s}", flags: ["drainTimeout": ["2"]]).values.time == .seconds(2))
        #expect(try Self.read("drainTimeout: 2s", flags: ["drain.time": ["1s"]]).values.time == .seconds(1))
        let shorthand = try Self.read("drain: {time: 1s}", flags: ["drain": ["2s"]])
        #expect(shorthand.values.time == .seconds(2) && shorthand.problems.isEmpty)
    }

    @Test("a number without its unit is told with the unit")
    func bareNumbers() throws {
        let reading = try Self.read("limits: {rate: 20}")
        #expect(reading.values.rate == 20)
        #expect(reading.warnings == ["a.yaml:1: limits.rate: write 20/s, with its unit"])
        #expect(try Self.read("limits: {rate: 20/s}").warnings == [])
    }

    // MARK: Reloading, documents

    @Test("of settings that are not live the old values stay, and those that differ are known")
    func fixed() throws {
        let (old, new) = (try Self.read("listen: a\nopen: true").values, try Self.read("listen: b\nnames: [x]").values)
        #expect(Self.table.fixedDifferences(old, new) == ["listen", "names"])
        let kept = Self.table.keepingFixed(of: old, in: new)
        #expect(kept.listen == "a" && kept.names == [] && !kept.isOpen)
        #expect(Self.table.fixedDifferences(old, kept) == [])
    }

    @Test("a description has the default as a file has it")
    func descriptions() {
        let descriptions = Dictionary(uniqueKeysWithValues: Self.table.descriptions.map { ($0.path, $0) })
        #expect(descriptions["listen"]?.defaultText == "here" && descriptions["listen"]?.isLive == false)
        #expect(descriptions["limits.rate"]?.defaultText == "any" && descriptions["limits.rate"]?.isLive == true)
        #expect(descriptions["drain.time"]?.defaultText == "5s" && descriptions["open"]?.isFlag == true)
        #expect(descriptions["drain.time"]?.oldPaths == ["drainTimeout", "drain"])
        #expect(descriptions["servers"]?.rows().map(\.path) == ["servers", "servers[].address", "servers[].weight"])
        #expect(descriptions["groups"]?.rows().map(\.path).last == "groups.NAME.weight")
        #expect(descriptions["inner"]?.rows().map(\.path).last == "inner.weight")
    }

    @Test(
        "times and sizes are written as people would",
        arguments: [
            (0, "0s"), (1_500, "1500ms"), (60_000, "60s"), (90_000, "90s"), (120_000, "2m"), (3_600_000, "1h"),
            (5_400_000, "90m"), (7_200_000, "2h"),
        ])
    func times(milliseconds: Int64, expected: String) {
        #expect(ConfigurationText.time(milliseconds * 1_000_000) == expected)
    }
}
