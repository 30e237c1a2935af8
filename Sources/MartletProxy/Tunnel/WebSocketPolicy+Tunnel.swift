import NIOCore

extension WebSocketPolicy {
    /// What a tunnel watches over.
    var tunnelPolicy: TunnelPolicy {
        TunnelPolicy(
            maximumMessageSize: self.maximumMessageSize, messageRate: self.messageRate,
            messageBurst: self.messageBurst, pingInterval: self.pingInterval?.nanoseconds,
            pingTimeout: self.pingTimeout.nanoseconds, idleTimeout: self.idleTimeout?.nanoseconds)
    }
}
