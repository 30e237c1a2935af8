/// A `FuzzTarget` is a part of Martlet that takes bytes from strangers. A run must end, and must not trap; where there
/// are two ways to the same end, it compares them.
enum FuzzTarget: String, CaseIterable, Sendable {
    case configuration, connection, deflate, extensions, frames, heads
    case clientHandshake = "client-handshake"
    case proxiedUpgrade = "proxied-upgrade"
    case push
    case serverHandshake = "server-handshake"

    func run(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        switch self {
        case .clientHandshake: ClientHandshakeTarget.run(&input)
        case .configuration: ConfigurationTarget.run(&input)
        case .connection: ConnectionTarget.run(&input)
        case .deflate: DeflateTarget.run(&input)
        case .extensions: ExtensionsTarget.run(&input)
        case .frames: FramesTarget.run(&input)
        case .heads: HeadsTarget.run(&input)
        case .proxiedUpgrade: ProxiedUpgradeTarget.run(&input)
        case .push: PushTarget.run(&input)
        case .serverHandshake: ServerHandshakeTarget.run(&input)
        }
    }

    /// Ends the process, as a fuzzer expects it of a finding.
    static func check(_ condition: Bool, _ message: @autoclosure () -> String) {
        guard condition else { fatalError(message()) }
    }
}
