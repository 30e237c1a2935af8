import Logging
import Synchronization
import Testing

@testable import MartletServer

@Suite("The service around the push service")
struct ServiceTests {
    @Test("log lines are JSON, whatever is in them")
    func jsonLog() throws {
        let lines = Mutex<[String]>([])
        var logger = Logger(label: "a \"label\"") { label in
            JSONLogHandler(label: label) { line in lines.withLock { $0.append(line) } }
        }
        logger[metadataKey: "session"] = "7"
        logger.info(
            "\u{1}\n\"\\", metadata: ["level": "taken", "list": ["a", "b"], "map": ["k": "v\u{2028}"], "session": "8"])
        let line = try #require(lines.withLock { $0.first })
        #expect(
            line.hasSuffix(
                #","level":"info","label":"a \"label\"","message":"\u0001\n\"\\","level_":"taken","list":["a","b"],"#
                    + #""map":{"k":"v\u2028"},"session":"8"}"# + "\n"))
    }

    @Test("sockets that are handed over are meant for one process")
    func sockets() {
        let environment = ["LISTEN_PID": "42", "LISTEN_FDS": "2"]
        #expect(ServiceManager.sockets(environment: environment, process: 42) == [3, 4])
        #expect(ServiceManager.sockets(environment: environment, process: 43) == [])
        #expect(ServiceManager.sockets(environment: ["LISTEN_PID": "42", "LISTEN_FDS": "-1"], process: 42) == [])
    }

    @Test("some descriptors are kept for those who push")
    func budget() {
        let budget = DescriptorBudget(descriptors: 1024)
        #expect(budget.connections == 960)
        #expect(budget.clients(nil) == 900)
        #expect(budget.clients(10) == 10)
        #expect(DescriptorBudget(descriptors: 0).clients(nil) == .max)
    }
}
