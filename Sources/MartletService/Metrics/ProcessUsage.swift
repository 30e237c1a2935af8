import CMartletSystem

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The memory, time and descriptors that the process takes of the machine.
package enum ProcessUsage {
    /// Memory that is resident, in bytes; 0 when it is unknown.
    package static var memory: Int {
        // Pages: the whole size, and what is resident.
        guard let pages = Self.numbers(in: "/proc/self/statm").dropFirst().first else { return 0 }
        return pages * Int(getpagesize())
    }

    /// Time on processors since the start, in seconds.
    package static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Open descriptors; 0 when the number is unknown. Older kernels make it a walk over all of them.
    package static var descriptors: Int {
        var status = stat()
        // Since Linux 6.2 the size of the folder is their number.
        if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(count - 3, 0)  // without ".", ".." and the folder itself
    }

    /// Memory that the process may have: its container's limit, or all of the machine. Bytes; 0 when it is unknown.
    package static let memoryLimit: Int = {
        let machine = (Self.numbers(in: "/proc/meminfo").first ?? 0) * 1024
        guard let limit = Self.numbers(in: "/sys/fs/cgroup/memory.max").first, limit > 0 else { return machine }
        return machine > 0 ? min(limit, machine) : limit
    }()

    /// Processors that the process may use; `nil` when it is unknown.
    package static var processors: Int? {
        let count = Int(martlet_processor_count())
        return count > 0 ? count : nil
    }

    /// The numbers in the first 4 KiB of a file, in their order; other words are left out.
    private static func numbers(in file: String) -> [Int] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return [] }
        let words = bytes[..<count].split { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 }
        return words.compactMap { Int(String(decoding: $0, as: UTF8.self)) }
    }
}
