/// The two ends of a tunnel.
enum TunnelSide: Sendable {
    case client
    case upstream

    var other: TunnelSide { self == .client ? .upstream : .client }
}
