import Logging
import MartletConfiguration
import MartletPush
import MartletWebSocket
import Synchronization
import Testing

@testable import MartletServer

@Suite("Configuration of the service")
struct ConfigurationTests {
    @Test(
        "a key has one name everywhere",
        arguments: [
            ("listen", "--listen", "MARTLET_LISTEN"), ("wsPath", "--ws-path", "MARTLET_WS_PATH"),
            (
                "limits.connectionsPerAddress", "--limits-connections-per-address",
                "MARTLET_LIMITS_CONNECTIONS_PER_ADDRESS"
            ),
            ("jwt.secretFile", "--jwt-secret-file", "MARTLET_JWT_SECRET_FILE"),
        ])
    func names(path: String, flag: String, variable: String) {
        #expect(ConfigurationOverrides.flag(of: path) == flag)
        #expect(ConfigurationOverrides.variable(of: path) == variable)
    }

    private func problem(
        _ flags: [String: [String]] = [:], _ environment: [String: String] = [:]
    ) throws -> ServerError? {
        do {
            _ = try ServeSettings(file: nil, flags: flags, environment: environment)
            return nil
        } catch let error as ServerError {
            return error
        }
    }

    @Test("settings come from flags and variables, lists with commas")
    func overrides() throws {
        let settings = try ServeSettings(
            file: nil, flags: ["limits.pushRate": ["10/s"], "listen": ["127.0.0.1:1"]],
            environment: [
                "MARTLET_LISTEN": "127.0.0.1:2", "MARTLET_LIMITS_PUSH_BURST": "50", "MARTLET_HISTORY_SIZE": "7",
                "MARTLET_TRUSTED_PROXIES": "10.0.0.0/8, ::1", "MARTLET_API_KEY": "secret", "MARTLET_RETRY": "",
            ])
        #expect(settings.configuration.listen == ListenAddress(host: "127.0.0.1", port: 1))
        #expect(settings.configuration.pushRate == .init(perSecond: 10, burst: 50))
        #expect(settings.configuration.history.size == 7)
        #expect(settings.configuration.trustedProxies != .none)
        #expect(settings.configuration.eventStreams.retry == 1000...3000)
    }

    @Test("a mistake names the flag or the variable")
    func mistakes() throws {
        #expect(try self.problem(["retry": ["soon"]])?.code == .usage)
        #expect(try self.problem(["retry": ["soon"]])?.reason.hasPrefix("--retry: expected a time") == true)
        let variable = try self.problem([:], ["MARTLET_LIMITS_QUEUE_SIZE": "10"])
        #expect(variable?.code == .configuration)
        #expect(variable?.reason.hasPrefix("MARTLET_LIMITS_QUEUE_SIZE: expected a size from 1024") == true)
        #expect(try self.problem([:], ["MARTLET_SERVICE_HOST": "x"]) == nil, "a container's variables are not ours")
    }

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
