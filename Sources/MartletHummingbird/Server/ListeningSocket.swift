package import MartletHTTP

/// A socket on which a ``ConnectionServer`` listens.
package enum ListeningSocket: Sendable, Hashable, CustomStringConvertible {
    /// An address to listen on. With `port` 0, the kernel chooses the port.
    case address(host: String, port: Int)
    /// The path of a Unix domain socket.
    case unix(path: String)
    /// A socket that already listens, inherited from the process that started this one.
    case descriptor(CInt)

    package init(_ address: ListenAddress) {
        self = address.path.map { .unix(path: $0) } ?? .address(host: address.host, port: address.port)
    }

    package var description: String {
        switch self {
        case .address(let host, let port): HostAndPort.text(host, port)
        case .unix(let path): "unix:\(path)"
        case .descriptor(let number): "descriptor \(number)"
        }
    }
}
