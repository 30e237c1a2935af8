import Testing

@testable import MartletService

@Suite("Metrics of the process")
struct ProcessMetricsTests {
    @Test("the fields are found behind a name with blanks and parentheses")
    func status() {
        let text = """
            4711 (a) b (c)) S 1 4711 4711 0 -1 4194560 2304 0 3 0 150 25 0 0 20 0 9 0 88001 739201024 5120 \
            18446744073709551615 1 1 0 0 0 0 0 4096 16898 0 0 0 17 1 0 0 0 0 0
            """
        let status = ProcessStatus(text)
        #expect(status?.processorTicks == 175)
        #expect(status?.startTicks == 88001)
        #expect(status?.virtualSize == 739_201_024)
        #expect(status?.residentPages == 5120)
    }

    @Test("what is no such file is refused", arguments: ["", "4711", "4711 (a) S 1 2", "4711 (a"])
    func nonsense(text: String) { #expect(ProcessStatus(text) == nil) }

    @Test("the start of the system has a line of its own")
    func bootTime() {
        let text = "cpu  1 2 3\nintr 5 btime 7\nbtime 1764313225\nprocesses 9\n"
        #expect(ProcessMetrics.bootTime(in: text) == 1_764_313_225)
        #expect(ProcessMetrics.bootTime(in: "cpu  1 2 3\n") == nil)
        #expect(ProcessMetrics.bootTime(in: nil) == nil)
    }

    @Test("this process has all figures, each with its help and type")
    func ownFigures() throws {
        let text = ProcessMetrics.text()
        for name in [
            "martlet_build_info", "process_cpu_seconds_total", "process_resident_memory_bytes",
            "process_virtual_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds",
        ] {
            #expect(text.contains("# HELP \(name) ") && text.contains("# TYPE \(name) "))
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") || $0.hasPrefix("\(name){") }
            let value = try #require(line?.split(separator: " ").last.flatMap { Double($0) }, "\(name)")
            #expect(value > 0, "\(name)")
        }
    }
}
