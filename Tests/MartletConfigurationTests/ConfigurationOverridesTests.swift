import Testing

@testable import MartletConfiguration

@Suite("Overrides of a configuration file")
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

    @Test("the command line takes precedence over the environment, and that over a file")
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

    @Test("each place has its precedence")
    func precedences() throws {
        let root = try ConfigurationReading.root(
            "a: 1\nb: 1\nc: 1\n", flags: ["a": ["2"]], environment: ["MARTLET_B": "2"])
        let members = try root.members(["a", "b", "c", "d"])
        #expect(
            members.origins.mapValues(\.precedence) == [
                "a": 2, "b": ConfigurationOrigin.precedenceOfEnvironment, "c": 0,
            ])
        #expect(members.origins["c"]?.line == 3)
        #expect(members.origins["a"]?.line == nil && members.origins["b"]?.line == nil, "those stand in no file")
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
        for (path, expected, kind) in [
            ("a", "--a: expected a whole number, 0 to 9", ConfigurationError.Kind.usage),
            ("oneTwo.b", "--one-two-b: expected a whole number, 0 to 9", .usage),
            ("oneTwo.c", "MARTLET_ONE_TWO_C: expected a whole number, 0 to 9", .configuration),
            ("d", "MARTLET_D: expected a whole number, 0 to 9", .configuration),
        ] {
            let node = try #require(root.override(of: path))
            let error = #expect(throws: ConfigurationError.self) { _ = try node.int(0...9) }
            #expect(error?.reason == expected && error?.kind == kind && error?.line == nil)
        }
    }

    @Test(
        "a variable that no setting has is told, with the one that was probably meant",
        arguments: [
            ("MARTLET_LIMIT_RATE", "did you mean MARTLET_LIMITS_RATE?"),
            ("MARTLET_LIMITSRATE", "did you mean MARTLET_LIMITS_RATE?"),
            ("MARTLET_LSITEN", "did you mean MARTLET_LISTEN?"), ("MARTLET_LISTEN_PORT", "x --help lists all settings"),
            ("MARTLET_LIMITS", "did you mean MARTLET_LIMITS_RATE?"),
            ("MARTLET_", "x --help lists all settings"), ("MARTLET_NONSENSE", "x --help lists all settings"),
        ])
    func unknownVariables(name: String, hint: String) throws {
        let overrides = ConfigurationOverrides(flags: [:], environment: [name: "1", "MARTLET_LISTEN": "1"])
        let errors = overrides.unknownVariables(known: ["MARTLET_LISTEN", "MARTLET_LIMITS_RATE"], command: "x")
        #expect(errors.map(\.reason) == ["\(name): there is no such setting; \(hint)"])
        #expect(errors.map(\.kind) == [.configuration])
    }

    @Test("the addresses of other services, which Kubernetes and Docker put into the environment, are no settings")
    func serviceLinks() {
        let environment = [
            "MARTLET_SERVICE_HOST": "10.0.0.1", "MARTLET_SERVICE_PORT": "80", "MARTLET_SERVICE_PORT_HTTP": "80",
            "MARTLET_PORT": "tcp://10.0.0.1:80", "MARTLET_PORT_80_TCP": "tcp://10.0.0.1:80",
            "MARTLET_PORT_80_TCP_ADDR": "10.0.0.1", "MARTLET_PORT_80_TCP_PORT": "80",
            "MARTLET_PORT_80_TCP_PROTO": "tcp",
            "MARTLET_PROXY_SERVICE_HOST": "10.0.0.2", "MARTLET_PROXY_PORT": "tcp://10.0.0.2:80",
            "MARTLET_PROXY_PORT_80_TCP": "tcp://10.0.0.2:80", "MARTLET_EMPTY": "", "OTHER": "1",
        ]
        let overrides = ConfigurationOverrides(flags: [:], environment: environment)
        #expect(overrides.unknownVariables(known: [], command: "x").map(\.reason) == [])
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
