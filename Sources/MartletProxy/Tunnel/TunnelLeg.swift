/// One end of a tunnel: a socket that the reactor polls, or a channel of NIO.
protocol TunnelLeg: AnyObject {
    /// Whether bytes wait because the peer does not take them.
    var isBackedUp: Bool { get }

    /// Whether anything that was sent is not in the kernel's hands yet.
    var hasUnsentBytes: Bool { get }

    /// Sends what can be sent and keeps the rest.
    func send(_ bytes: UnsafeRawBufferPointer)

    /// Sets whether the peer's bytes are to be read.
    func setReading(_ isReading: Bool)

    /// Ends this direction (FIN) behind what waits.
    func endOutput()

    /// Ends the connection at once; the peer sees a reset.
    func abort()

    /// Ends the connection; both directions are done.
    func close()
}
