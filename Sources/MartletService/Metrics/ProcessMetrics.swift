import CMartletSystem

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The figures of the process itself: its version, and what the system says of it, under the names that Prometheus'
/// client libraries have for that. A figure that the system does not say is left out.
package enum ProcessMetrics {
    private static let ticksPerSecond = Double(martlet_clock_ticks())
    /// The time at which the process was started, in seconds since 1970. It is calculated once: when the clock is set,
    /// the process has not been started again.
    private static let startTime: Double? = {
        guard let status = ProcessStatus.own, let bootTime = Self.bootTime(in: Self.contents(of: "/proc/stat")) else {
            return nil
        }
        return Double(bootTime) + Double(status.startTicks) / Self.ticksPerSecond
    }()

    package static func text() -> String {
        var text = PrometheusText.heading("martlet_build_info", "gauge", "The version that runs.")
        text += "martlet_build_info{version=\"\(Version.current)\"} 1\n"
        func add(_ name: String, _ type: String, _ help: String, _ value: (some CustomStringConvertible)?) {
            guard let value else { return }
            text += PrometheusText.heading(name, type, help) + "\(name) \(value)\n"
        }
        let status = ProcessStatus.own
        add(
            "process_cpu_seconds_total", "counter", "Time that the process has spent on processors, in seconds.",
            status.map { Double($0.processorTicks) / Self.ticksPerSecond })
        add(
            "process_resident_memory_bytes", "gauge", "Memory of the process that is in use, in bytes.",
            status.map { $0.residentPages * martlet_page_size() })
        add(
            "process_virtual_memory_bytes", "gauge", "Address space of the process, in bytes.",
            status.map(\.virtualSize))
        add(
            "process_open_fds", "gauge", "Descriptors that are open.",
            Self.unlessNegative(martlet_open_descriptor_count()))
        add(
            "process_max_fds", "gauge", "Descriptors that may be open.",
            Self.unlessNegative(martlet_descriptor_limit()))
        add(
            "process_start_time_seconds", "gauge", "Time at which the process was started, in seconds since 1970.",
            Self.startTime)
        return text
    }

    private static func unlessNegative(_ number: Int) -> Int? { number < 0 ? nil : number }

    /// Returns the time at which the system was started, in seconds since 1970.
    ///
    /// - Parameter text: the contents of `/proc/stat`.
    package static func bootTime(in text: String?) -> Int? {
        let line = text?.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Int($0.dropFirst("btime ".count)) }
    }

    /// Returns a file of `/proc`; those have no size, and are read to their end.
    fileprivate static func contents(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&part, 1, part.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += part.prefix(count)
        }
    }
}

extension ProcessStatus {
    fileprivate static var own: Self? { ProcessMetrics.contents(of: "/proc/self/stat").flatMap { Self($0) } }
}
