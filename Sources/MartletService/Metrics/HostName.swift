#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The name of the machine, by which operators know a node.
package enum HostName {
    package static let current: String = {
        var bytes = [UInt8](repeating: 0, count: 256)
        let status = bytes.withUnsafeMutableBytes { bytes in
            gethostname(bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count - 1)
        }
        let name = bytes.prefix { $0 != 0 }
        return status == 0 && !name.isEmpty ? String(decoding: name, as: UTF8.self) : "-"
    }()
}
