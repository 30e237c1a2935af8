import MartletHTTP

/// A socket on which a ``ConnectionServer`` listens.
package enum ListeningSocket: Sendable, Hashable, CustomStringConvertible {
    /// An address to listen on. With `port` 0, the kernel chooses the port.
    case address(host: String, port: Int)
    /// A socket that already listens, inherited from the process that started this one.
    case descriptor(CInt)

    package var description: String {
        switch self {
        case .address(let host, let port): HostAndPort.text(host, port)
        case .descriptor(let number): "descriptor \(number)"
        }
    }
}
