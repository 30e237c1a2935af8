import FoundationEssentials
import NIOCore
import Testing

@testable import MartletConfiguration

@Suite("Values of a configuration")
struct ConfigurationNodeTests {
    // MARK: The tree

    @Test("a tree is read by names and numbers, and each node knows its path and line")
    func tree() throws {
        let root = try ConfigurationReading.root(
            """
            routes:
              - path: /a
                to: [x, y]

              - path: /b
            limits:
              size: 1
            """)
        #expect(root.path == "" && root.isMapping)
        #expect(try root.keys() == ["routes", "limits"])
        let members = try root.members(["routes", "limits", "other"])
        #expect(members["other"] == nil && members["nonsense"] == nil)
        let routes = try members.required("routes").elements()
        #expect(routes.map(\.path) == ["routes[0]", "routes[1]"])
        #expect(routes.map(\.origin.line) == [2, 5])
        let path = try routes[1].members(["path"]).required("path")
        #expect(path.path == "routes[1].path" && path.origin.line == 5)
        #expect(try path.string() == "/b" && !path.isMapping)
        let targets = try routes[0].members(["path", "to"]).required("to").elements()
        #expect(targets.map(\.path) == ["routes[0].to[0]", "routes[0].to[1]"])
        #expect(try members.required("limits").members(["size"]).required("size").int(1...1) == 1)
    }

    @Test("JSON is read as YAML")
    func json() throws {
        let root = try ConfigurationReading.root(#"{"a": {"b": ["x", "y\u00e4"]}, "c": true, "d": 1.5}"#)
        let members = try root.members(["a", "c", "d"])
        #expect(try members.required("a").members(["b"]).required("b").strings() == ["x", "yä"])
        #expect(try members.required("c").bool())
        #expect(try members.required("d").string() == "1.5")
    }

    @Test("members whose names are the user's are all there, in order")
    func namedMembers() throws {
        let members = try ConfigurationReading.value("a:\n  z: 1\n  b c: 2\n  3: x").namedMembers()
        #expect(members.map(\.name) == ["z", "b c", "3"])
        #expect(members.map(\.node.path) == ["a.z", "a.b c", "a.3"])
        #expect(try members.map { try $0.node.string() } == ["1", "2", "x"])
    }

    @Test(
        "a section whose lines are all comments is an empty one",
        arguments: ["a:\n  # b: 1\n", "a: ~", "a: null", "a: {}", "a:"])
    func emptySections(text: String) throws {
        let value = try ConfigurationReading.value(text)
        #expect(try value.keys() == [] && value.members(["b"])["b"] == nil && value.namedMembers().isEmpty)
    }

    @Test("anchors stand for what they name")
    func anchors() throws {
        let members = try ConfigurationReading.root("a: &x {c: 1}\nb: *x\n").members(["a", "b"])
        #expect(try members.required("b").members(["c"]).required("c").int(0...9) == 1)
    }

    @Test("a document comes from a file, or from nowhere")
    func files() throws {
        let path = "/tmp/martlet-configuration-\(UInt64.random(in: 0 ... .max)).yaml"
        try "a: ä\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let document = try ConfigurationDocument(contentsOf: path)
        #expect(try document.root().members(["a"]).required("a").string() == "ä")
        #expect(
            ConfigurationReading.complaint { _ = try document.root().members(["b"]) }
                == "\(path):1: a: there is no such key; known are b")
        #expect(throws: (any Error).self) { try ConfigurationDocument(contentsOf: path + "x") }
        let overrides = ConfigurationOverrides(flags: ["a": ["1"]], environment: [:])
        let nowhere = try ConfigurationDocument(contentsOf: nil, overrides: overrides).root()
        #expect(try nowhere.members(["a"]).required("a").string() == "1")
        #expect(ConfigurationReading.complaint { _ = try nowhere.members([]).required("b") } == "b is missing")
    }

    // MARK: Values

    @Test(
        "texts are what stands there, quoted or not",
        arguments: [
            ("x", "x"), ("1", "1"), ("true", "true"), (#""""#, ""), ("'a: b'", "a: b"), (#""a\nb""#, "a\nb"),
            ("a # b", "a"),
        ])
    func strings(text: String, expected: String) throws {
        #expect(try ConfigurationReading.value("a: \(text)").string() == expected)
    }

    @Test("a list of texts may be a single one")
    func lists() throws {
        #expect(try ConfigurationReading.value("a: [x, y z, 1]").strings() == ["x", "y z", "1"])
        #expect(try ConfigurationReading.value("a:\n- x\n- y").strings() == ["x", "y"])
        #expect(try ConfigurationReading.value("a: x").strings() == ["x"])
        #expect(try ConfigurationReading.value("a: x,y").strings() == ["x,y"], "a file has lists of its own")
        #expect(try ConfigurationReading.value("a: []").strings() == [])
    }

    @Test("truth is true or false", arguments: [("true", true), ("false", false), ("'true'", true)])
    func bools(text: String, expected: Bool) throws {
        #expect(try ConfigurationReading.value("a: \(text)").bool() == expected)
    }

    @Test("numbers have their limits")
    func numbers() throws {
        for (text, expected) in [("-1", -1), ("0", 0), ("10", 10), ("'7'", 7)] {
            #expect(try ConfigurationReading.value("a: \(text)").int(-1...10) == expected)
        }
    }

    @Test(
        "rates have a unit",
        arguments: [("10/s", 10), ("600/m", 10), ("1800/h", 0.5), ("0.5/s", 0.5), ("1e3/s", 1000)])
    func rates(text: String, expected: Double) throws {
        #expect(try ConfigurationReading.value("a: \(text)").rate() == expected)
    }

    @Test(
        "times have a unit",
        arguments: [
            ("250ms", TimeAmount.milliseconds(250)), ("30s", .seconds(30)), ("5m", .minutes(5)), ("1h", .hours(1)),
            ("0s", .zero), ("0ms", .zero), ("0", .zero), ("1.5s", .milliseconds(1500)), ("0.5h", .minutes(30)),
            ("27777h", .hours(27_777)),
        ])
    func durations(text: String, expected: TimeAmount) throws {
        #expect(try ConfigurationReading.value("a: \(text)").duration() == expected)
    }

    @Test(
        "sizes may have a unit",
        arguments: [
            ("0", 0), ("4096", 4096), ("64KiB", 65_536), ("10MiB", 10_485_760), ("1GiB", 1_073_741_824),
            ("8589934591GiB", 9_223_372_035_781_033_984), ("9223372036854775807", Int.max),
        ])
    func sizes(text: String, expected: Int) throws {
        #expect(try ConfigurationReading.value("a: \(text)").size() == expected)
    }

    // MARK: Wrong types

    enum Kind: CaseIterable {
        case members, elements, string, strings, bool, int, rate, duration, size

        func read(_ node: ConfigurationNode) throws {
            switch self {
            case .members: _ = try node.members(["b"])
            case .elements: _ = try node.elements()
            case .string: _ = try node.string()
            case .strings: _ = try node.strings()
            case .bool: _ = try node.bool()
            case .int: _ = try node.int(1...10)
            case .rate: _ = try node.rate()
            case .duration: _ = try node.duration()
            case .size: _ = try node.size()
            }
        }

        var expectation: String {
            switch self {
            case .members: "expected a mapping of names to values"
            case .elements: "expected a list"
            case .string, .strings: "expected a text"
            case .bool: "expected true or false"
            case .int: "expected a whole number, 1 to 10"
            case .rate: "expected a rate such as 10/s, 600/m or 1000/h"
            case .duration: "expected a time such as 250ms, 30s, 5m or 1h"
            case .size: "expected a size such as 4096, 64KiB, 10MiB or 1GiB"
            }
        }
    }

    @Test(
        "a value of another kind is named with the kind that it should be of",
        arguments: [
            (Kind.members, ["x", "[b]", "1", "''", "'~'"]), (.elements, ["x", "{b: 1}", "''"]),
            (.string, ["[x]", "{b: 1}"]),
            (.strings, ["{b: 1}", "[{b: 1}]", "[[x]]"]),
            (.bool, ["yes", "True", "1", "''"]),
            (.int, ["0", "11", "x", "1.0", "0x1", "1_0", "''", "99999999999999999999"]),
            (.rate, ["1", "0/s", "-1/s", "x/s", "nan/s", "inf/s", "1/d", "1/", "/s", "1/s/s", "''"]),
            (.duration, ["30", "s", "soon", "-1s", "1 s", "1d", "''", "nans", "1S", "ms", "1sm"]),
            (.size, ["-1", "1.5MiB", "KiB", "1KB", "1kib", "1 KiB", "''", "8589934592GiB", "9223372036854775808"]),
        ])
    func wrongKinds(kind: Kind, texts: [String]) throws {
        for text in texts {
            let complaint = ConfigurationReading.complaint { try kind.read(ConfigurationReading.value("\na: \(text)")) }
            let places = ["a.yaml:2: a: ", "a.yaml:2: a[0]: "]
            #expect(
                places.map { $0 + kind.expectation }.contains(complaint ?? ""), "\(text): \(complaint ?? "nothing")")
        }
    }

    @Test(
        "a list or a mapping is no number", arguments: [Kind.bool, .int, .rate, .duration, .size])
    func collections(kind: Kind) {
        for text in ["[1]", "{b: 1}"] {
            #expect(
                ConfigurationReading.complaint { try kind.read(ConfigurationReading.value("a: \(text)")) }
                    == "a.yaml:1: a: expected a text")
        }
    }

    @Test("a time that no clock could count is refused", arguments: ["27778h", "1e300h", "infs", "100000000s"])
    func longTimes(text: String) {
        #expect(
            ConfigurationReading.complaint { _ = try ConfigurationReading.value("a: \(text)").duration() }
                == "a.yaml:1: a: expected a time below 27777h")
    }

    // A product of Doubles that is cut, not rounded, makes 1000999999 ns of 1.001s.
    @Test(
        "a time is not one nanosecond short",
        arguments: [("1.001s", 1_001_000_000), ("1.005s", 1_005_000_000), ("0.57m", 34_200_000_000)])
    func rounding(text: String, nanoseconds: Int64) throws {
        #expect(try ConfigurationReading.value("a: \(text)").duration().nanoseconds == nanoseconds)
    }
}
