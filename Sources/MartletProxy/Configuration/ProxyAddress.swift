public import MartletHTTP

/// An address where the proxy listens: `127.0.0.1:8082`, `[::1]:8082`, `:8082` for every interface, `127.0.0.1:0` for any
/// port.
public typealias ProxyAddress = ListenAddress
