import NIOCore

extension WebSocketPolicy {
    /// The policy of a tunnel for this route.
    var tunnelPolicy: TunnelPolicy {
        TunnelPolicy(
            maximumMessageSize: self.maximumMessageSize, messageRate: self.messageRate,
            messageBurst: self.messageBurst, pingInterval: self.pingInterval?.nanoseconds,
            pingTimeout: self.pingTimeout.nanoseconds, idleTimeout: self.idleTimeout?.nanoseconds)
    }
}
