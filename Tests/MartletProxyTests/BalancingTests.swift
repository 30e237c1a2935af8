import NIOCore
import Testing

@testable import MartletProxy

@Suite("Upstreams")
struct BalancingTests {
    private static func group(
        _ count: Int, _ change: (inout UpstreamConfiguration) -> Void = { _ in }
    ) throws -> UpstreamGroup {
        var configuration = UpstreamConfiguration(
            endpoints: (0..<count).map { .init(url: UpstreamURL("http://127.0.0.1:\(9000 + $0)")!) })
        change(&configuration)
        return try UpstreamGroup(name: "test", configuration)
    }

    @Test("turns follow the weights and are spread evenly")
    func turns() {
        var turns = WeightedTurns(count: 2)
        let spread = (0..<8).map { _ in turns.next([3, 1]) }
        #expect(spread == [0, 0, 1, 0, 0, 0, 1, 0])
        let alone = (0..<3).map { _ in turns.next([0, 1]) }
        #expect(alone == [1, 1, 1])
    }

    @Test("the upstream server with the fewest connections for its weight is chosen")
    func leastConnections() throws {
        let group = try Self.group(2) {
            $0.balance = .leastConnections
            $0.endpoints[1].weight = 3
        }
        var counts = [0, 0]
        for _ in 0..<8 {
            let endpoint = try #require(group.choose(key: nil, except: [], at: .now()))
            endpoint.began()
            counts[group.endpoints.firstIndex { $0 === endpoint }!] += 1
        }
        #expect(counts == [2, 6])
    }

    @Test("equal keys reach the same server, keys are spread, and a loss moves only the keys of the lost one")
    func consistentHash() throws {
        let group = try Self.group(5) { $0.balance = .consistentHash(.cookie("sid")) }
        var counts = [ObjectIdentifier: Int]()
        for number in 0..<1000 {
            let key = "user\(number)"
            let chosen = try #require(group.choose(key: key, except: [], at: .now()))
            #expect(group.choose(key: key, except: [], at: .now()) === chosen)
            counts[ObjectIdentifier(chosen), default: 0] += 1
            let lost = group.endpoints[2]
            let next = try #require(group.choose(key: key, except: [lost], at: .now()))
            if chosen !== lost { #expect(next === chosen) }
        }
        #expect(counts.count == 5 && counts.values.allSatisfy { (120...280).contains($0) })
    }

    @Test("the state of an upstream server is kept over a reload that changes its group")
    func reload() throws {
        var configuration = ProxyConfiguration.forwarding(
            .init("127.0.0.1:0")!, to: UpstreamURL("http://127.0.0.1:9000")!)
        let name = try #require(configuration.upstreams.keys.first)
        let before = try Routing(configuration, previous: nil)
        let old = try #require(before.groups[name]?.endpoints.first)
        old.began()
        while !old.failed(at: .now()) {}
        configuration.upstreams[name]?.endpoints.insert(.init(url: UpstreamURL("http://127.0.0.1:9001")!), at: 0)
        let endpoints = try #require(try Routing(configuration, previous: before).groups[name]?.endpoints)
        #expect(endpoints.map { $0.isAvailable(at: .now()) } == [true, false])
        #expect(endpoints.map(\.active) == [0, 1])
        old.ended()
        #expect(endpoints[1].active == 0)
    }

    @Test("the results of checks that have changed no longer apply")
    func checksThatChange() {
        var settings = UpstreamConfiguration(endpoints: [])
        settings.healthCheck = .init()
        settings.healthCheck?.unhealthyAfter = 1
        var health = EndpointHealth(settings)
        let hasChanged = health.checked(isHealthy: false, at: .now())
        #expect(hasChanged && !EndpointHealth(settings, previous: health, isSameCheck: true).isHealthy)
        #expect(EndpointHealth(settings, previous: health, isSameCheck: false).isHealthy)
    }

    @Test("an upstream server that fails in a row is left out for a while, then tried again")
    func ejection() throws {
        let group = try Self.group(2)
        let start = NIODeadline.now()
        let bad = group.endpoints[0]
        #expect(!bad.failed(at: start) && !bad.failed(at: start))
        bad.succeeded()
        #expect(!bad.failed(at: start) && !bad.failed(at: start) && bad.failed(at: start))
        for _ in 0..<4 { #expect(group.choose(key: nil, except: [], at: start) !== bad) }
        #expect(!bad.isAvailable(at: start + .seconds(9)))
        #expect(bad.isAvailable(at: start + .seconds(10)))
    }

    @Test("when all have failed, all are tried; when checks find none healthy, none is")
    func noneLeft() throws {
        let group = try Self.group(2) { $0.healthCheck = .init() }
        let now = NIODeadline.now()
        for endpoint in group.endpoints { for _ in 0..<3 { _ = endpoint.failed(at: now) } }
        #expect(group.choose(key: nil, except: [], at: now) != nil)
        for endpoint in group.endpoints {
            #expect(!endpoint.checked(isHealthy: false, at: now) && !endpoint.checked(isHealthy: false, at: now))
            #expect(endpoint.checked(isHealthy: false, at: now))
        }
        #expect(group.choose(key: nil, except: [], at: now) == nil)
        #expect(!group.endpoints[0].checked(isHealthy: true, at: now))
        #expect(group.endpoints[0].checked(isHealthy: true, at: now))
        #expect(group.choose(key: nil, except: [], at: now) === group.endpoints[0])
    }

    @Test("an upstream server that came back gets its share slowly")
    func slowStart() throws {
        var health = EndpointHealth(
            try Self.group(1) {
                $0.slowStart = .seconds(10)
                $0.failuresBeforeEjection = 1
            }.configuration)
        let start = NIODeadline.now()
        #expect(health.share(at: start) == 1)
        let isEjected = health.failed(at: start)
        let back = start + .seconds(10)
        let isBack = health.isAvailable(at: back)
        #expect(isEjected && isBack)
        #expect(health.share(at: back) == 0.1)
        #expect(health.share(at: back + .seconds(5)) == 0.5)
        #expect(health.share(at: back + .seconds(20)) == 1)
    }
}
