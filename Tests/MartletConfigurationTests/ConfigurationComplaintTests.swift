import Testing

@testable import MartletConfiguration

@Suite("Complaints about a configuration")
struct ConfigurationComplaintTests {
    @Test("an unknown key is named with its line and with those that are known")
    func unknownKeys() {
        let complaint = ConfigurationReading.complaint {
            _ = try ConfigurationReading.root("b: 1\n\nxyz: 2\n").members(["b", "a", "c"])
        }
        #expect(complaint == "a.yaml:3: xyz: there is no such key; known are a, b, c")
    }

    @Test("an unknown key is named with the whole of its path")
    func paths() throws {
        let complaint = ConfigurationReading.complaint {
            let list = try ConfigurationReading.value("a:\n  - xyz: 1\n  - xyz: 1\n    b: 2\n").elements()
            for element in list { _ = try element.members(["xyz"]) }
        }
        #expect(complaint == "a.yaml:4: a[1].b: there is no such key; known are xyz")
    }

    @Test("a key that is no text is no key")
    func oddKeys() {
        let complaint = ConfigurationReading.complaint {
            _ = try ConfigurationReading.root("? [a, b]\n: 1\n").members(["abc"])
        }
        #expect(complaint == "a.yaml:1: ?: there is no such key; known are abc")
    }

    @Test("a key that is missing is named with the mapping that it is missing from")
    func missingKeys() throws {
        let root = try ConfigurationReading.root("x: 1\na:\n  b: 1\n").members(["x", "a"])
        #expect(
            ConfigurationReading.complaint { _ = try root.required("a").members(["b", "c"]).required("c") }
                == "a.yaml:3: a.c is missing")
        #expect(
            ConfigurationReading.complaint {
                _ = try ConfigurationReading.root("x: 1").members(["x", "y"]).required("y")
            }
                == "a.yaml:1: y is missing")
    }

    @Test("a key that is there twice is named, and so is where its mapping begins")
    func duplicateKeys() {
        #expect(
            ConfigurationReading.complaint { _ = try ConfigurationReading.root("a: 1\nb: 2\na: 3\n") }
                == "a.yaml:1: a: twice in the mapping that begins here")
        #expect(
            ConfigurationReading.complaint { _ = try ConfigurationReading.root("x: 1\ny:\n  a: 1\n  'a': 3\n") }
                == "a.yaml:3: a: twice in the mapping that begins here")
        #expect(
            ConfigurationReading.complaint { _ = try ConfigurationReading.root(#"{"a": 1, "a": 1}"#) }
                == "a.yaml:1: a: twice in the mapping that begins here")
    }

    @Test(
        "what is no YAML is said to be none",
        arguments: ["a: [1", "a: 'x", "a:\n\t- x", "{a: 1", "a: *x", "%"])
    func syntax(text: String) {
        let complaint = ConfigurationReading.complaint { _ = try ConfigurationReading.root(text) }
        #expect(
            complaint?.contains(": not valid YAML: ") == true && complaint?.hasPrefix("a.yaml:") == true,
            "\(complaint ?? "nothing")")
    }

    @Test("an empty file is said to be empty", arguments: ["", "\n\n", "# a: 1\n"])
    func empty(text: String) {
        #expect(ConfigurationReading.complaint { _ = try ConfigurationReading.root(text) } == "a.yaml: it is empty")
    }

    @Test("a file that is no mapping is said to be none", arguments: ["x", "[a, b]", "- a: 1"])
    func noMapping(text: String) {
        #expect(
            ConfigurationReading.complaint { _ = try ConfigurationReading.root(text).members(["a"]) }
                == "a.yaml:1: expected a mapping of names to values")
    }

    // MARK: Several

    @Test("all keys that must not be are named, in the order of the file")
    func severalKeys() {
        let complaint = ConfigurationReading.complaint {
            _ = try ConfigurationReading.root("z: 1\naaa: 1\nb: 2\n").members(["aaa"])
        }
        #expect(
            complaint
                == "a.yaml:1: z: there is no such key; known are aaa\na.yaml:3: b: there is no such key; known are aaa")
    }

    @Test("what is wrong in the same line is said in the order in which it was found")
    func stable() {
        var problems = ConfigurationProblems()
        for reason in ["b", "a", "c"] { problems.gather { throw ConfigurationError(reason, line: 7) } }
        problems.gather { throw ConfigurationError("d", line: 6) }
        problems.gather { throw ConfigurationError("e") }
        #expect(ConfigurationReading.complaint { try problems.throwAny() } == "e\nd\nb\na\nc")
    }

    @Test("nothing wrong is nothing thrown, and other errors are gathered as well")
    func others() throws {
        struct Other: Error, CustomStringConvertible { let description = "something else" }
        var problems = ConfigurationProblems()
        problems.gather {}
        try problems.throwAll()
        try problems.throwAny()
        problems.gather { throw Other() }
        #expect(problems.errors.map(\.reason) == ["something else"])
        #expect(throws: ConfigurationProblems.self) { try problems.throwAll() }
        #expect(ConfigurationReading.complaint { try problems.throwAny() } == "something else")
    }

    @Test("whoever wrote one mistake on the command line is told how it is used")
    func usage() throws {
        let root = try ConfigurationReading.root("a: x\n", flags: ["b": ["x"]])
        let members = try root.members(["a", "b"])
        var problems = ConfigurationProblems()
        problems.gather { _ = try members.required("a").int(0...9) }
        #expect(#expect(throws: ConfigurationError.self) { try problems.throwAny() }?.kind == .configuration)
        problems.gather { _ = try members.required("b").int(0...9) }
        let error = #expect(throws: ConfigurationError.self) { try problems.throwAny() }
        #expect(error?.kind == .usage)
        #expect(
            error?.reason == "--b: expected a whole number, 0 to 9\na.yaml:1: a: expected a whole number, 0 to 9")
    }
}
