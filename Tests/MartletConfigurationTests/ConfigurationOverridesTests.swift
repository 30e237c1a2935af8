import Testing

@testable import MartletConfiguration

@Suite("What counts more than a configuration file")
struct ConfigurationOverridesTests {
    private static func value(
        _ text: String, flags: [String: [String]] = [:], environment: [String: String] = [:]
    ) throws -> String {
        try ConfigurationReading.value(text, flags: flags, environment: environment).string()
    }

    @Test(
        "a key has one name everywhere",
        arguments: [
            ("a", "--a", "MARTLET_A"), ("aB", "--a-b", "MARTLET_A_B"), ("a.b", "--a-b", "MARTLET_A_B"),
            ("oneTwo.threeFourFive", "--one-two-three-four-five", "MARTLET_ONE_TWO_THREE_FOUR_FIVE"),
            ("a1.b2C", "--a1-b2-c", "MARTLET_A1_B2_C"),
        ])
    func names(path: String, flag: String, variable: String) {
        #expect(ConfigurationOverrides.flag(of: path) == flag)
        #expect(ConfigurationOverrides.variable(of: path) == variable)
    }

    @Test("the command line counts more than the environment, and that more than a file")
    func order() throws {
        let (flags, environment) = (["a": ["flag"]], ["MARTLET_A": "variable"])
        #expect(try Self.value("a: file", flags: flags, environment: environment) == "flag")
        #expect(try Self.value("a: file", environment: environment) == "variable")
        #expect(try Self.value("a: file") == "file")
        #expect(try Self.value("{}", flags: flags, environment: environment) == "flag")
        #expect(try Self.value("{}", environment: environment) == "variable")
        #expect(throws: ConfigurationError.self) { try Self.value("{}") }
    }

    @Test("what a file says of another kind does not matter any more", arguments: ["a: [x]", "a: {b: 1}", "a:"])
    func otherKinds(text: String) throws {
        #expect(try Self.value(text, flags: ["a": ["1"]]) == "1")
        #expect(try Self.value(text, environment: ["MARTLET_A": "1"]) == "1")
    }

    @Test("an empty variable says nothing, and neither does another's")
    func ignored() throws {
        let environment = [
            "MARTLET_A": "", "A": "x", "martlet_a": "x", "MARTLETA": "x", "MARTLET_AB": "x", "XMARTLET_A": "x",
        ]
        #expect(try Self.value("a: file", environment: environment) == "file")
    }

    @Test("weights tell which of two keys was said with more of it")
    func weights() throws {
        let root = try ConfigurationReading.root(
            "a: 1\nb: 1\nc: 1\n", flags: ["a": ["2"]], environment: ["MARTLET_B": "2"])
        let members = try root.members(["a", "b", "c", "d"])
        #expect(members.origins.mapValues(\.weight) == ["a": 2, "b": ConfigurationOrigin.weightOfEnvironment, "c": 0])
        #expect(members.origins["c"]?.line == 3)
        #expect(members.origins["a"]?.line == nil && members.origins["b"]?.line == nil, "those stand in no file")
    }

    @Test("a section comes to be by a key in it")
    func sections() throws {
        let flags = ["limits.connectionRate": ["5"]]
        for text in ["{}", "limits:\n", "limits: {connectionRate: 1}", "limits: {other: 1}"] {
            let root = try ConfigurationReading.root(text, flags: flags, environment: ["MARTLET_LIMITS_OTHER": "7"])
            let limits = try root.members(["limits"]).required("limits").members(["connectionRate", "other", "third"])
            #expect(try limits.required("connectionRate").int(0...9) == 5)
            #expect(try limits.required("other").int(0...9) == 7)
            #expect(limits["third"] == nil)
        }
        let root = try ConfigurationReading.root("{}", flags: flags, environment: ["MARTLET_LIMITSX_OTHER": "7"])
        #expect(try root.members(["limit", "limitsx", "other"]).origins.keys.sorted() == ["limitsx"])
    }

    @Test("overrides are for the keys of sections, and not for elements of lists")
    func elements() throws {
        let list = try ConfigurationReading.value(
            "a: [{b: 1}]", environment: ["MARTLET_A_B": "2", "MARTLET_A_0_B": "3"]
        ).elements()
        #expect(try list[0].members(["b"]).required("b").int(0...9) == 1)
    }

    @Test("a list is several flags, or commas in a variable")
    func lists() throws {
        func list(_ flags: [String: [String]], _ environment: [String: String]) throws -> [String] {
            try ConfigurationReading.value("a: [file]", flags: flags, environment: environment).strings()
        }
        #expect(try list(["a": ["x", "y"]], [:]) == ["x", "y"])
        #expect(try list(["a": ["x"]], ["MARTLET_A": "z"]) == ["x"])
        #expect(try list(["a": ["x,y"]], [:]) == ["x,y"])
        #expect(try list([:], ["MARTLET_A": "x"]) == ["x"])
        #expect(try list([:], ["MARTLET_A": "x, y z ,  w"]) == ["x", "y z", "w"])
        #expect(try list([:], [:]) == ["file"])
    }

    @Test("several flags are no single value")
    func severalFlags() {
        let complaint = ConfigurationReading.complaint { _ = try Self.value("a: file", flags: ["a": ["x", "y"]]) }
        #expect(complaint == "--a: expected a text")
    }

    @Test("a mistake names the flag or the variable, and no line")
    func complaints() throws {
        let root = try ConfigurationReading.root(
            "a: 1\n", flags: ["a": ["x"], "oneTwo.b": ["x"]], environment: ["MARTLET_ONE_TWO_C": "x", "MARTLET_D": "x"])
        let members = try root.members(["a", "oneTwo", "d"])
        let inner = try members.required("oneTwo").members(["b", "c"])
        for (node, expected, isUsage) in [
            (try members.required("a"), "--a: expected a whole number, 0 to 9", true),
            (try inner.required("b"), "--one-two-b: expected a whole number, 0 to 9", true),
            (try inner.required("c"), "MARTLET_ONE_TWO_C: expected a whole number, 0 to 9", false),
            (try members.required("d"), "MARTLET_D: expected a whole number, 0 to 9", false),
        ] {
            let error = #expect(throws: ConfigurationError.self) { _ = try node.int(0...9) }
            #expect(error?.reason == expected && error?.isUsage == isUsage && error?.line == nil)
        }
    }

    @Test("what a file says of a key that must not be is wrong, whatever counts more")
    func unknownKeys() {
        let complaint = ConfigurationReading.complaint {
            _ = try ConfigurationReading.root("b: 1", flags: ["b": ["2"]]).members(["a"])
        }
        #expect(complaint == "a.yaml:1: b: there is no such key; known are a")
    }

    @Test("what was said is known again when a complaint comes late")
    func origins() throws {
        let root = try ConfigurationReading.root("\na: 1\n", flags: ["b": ["2"]], environment: ["MARTLET_C": "3"])
        let origins = try root.members(["a", "b", "c"]).origins
        #expect(origins["a"]?.error("bad").reason == "a.yaml:2: a: bad")
        #expect(origins["b"]?.error("bad").reason == "--b: bad")
        #expect(origins["c"]?.error("bad").reason == "MARTLET_C: bad")
        #expect(try ConfigurationReading.root("a: 1").error("bad").reason == "a.yaml:1: bad")
        #expect(try ConfigurationReading.root("{}", file: "").error("bad").reason == "bad")
    }
}
