import MartletHTTP

/// Where a ``ConnectionServer`` listens.
package enum ListeningSocket: Sendable, Hashable, CustomStringConvertible {
    /// - port: 0 lets the kernel choose.
    case address(host: String, port: Int)
    /// One that listens already, handed over by whoever started the process.
    case descriptor(CInt)

    package var description: String {
        switch self {
        case .address(let host, let port): HostAndPort.text(host, port)
        case .descriptor(let number): "descriptor \(number)"
        }
    }
}
