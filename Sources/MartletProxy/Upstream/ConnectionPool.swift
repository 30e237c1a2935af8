import NIOCore

/// Idle connections of one event loop, by upstream server; the one used last is taken first.
final class ConnectionPool {
    private var idle: [ObjectIdentifier: [UpstreamConnection]] = [:]

    /// Takes a connection that is open, as far as anybody knows.
    func take(_ endpoint: Endpoint) -> UpstreamConnection? {
        let key = ObjectIdentifier(endpoint)
        while let connection = self.idle[key]?.popLast() {
            Self.wake(connection)
            if connection.isOpen { return connection }
        }
        return nil
    }

    /// Keeps a connection whose last answer is complete.
    func put(_ connection: UpstreamConnection, _ settings: UpstreamConfiguration) {
        let key = ObjectIdentifier(connection.endpoint)
        guard connection.isOpen, self.idle[key, default: []].count < settings.keptConnections else {
            connection.close()
            return
        }
        connection.user = nil
        connection.isReused = true
        connection.readIfHeldBack()  // so that its end is noticed
        let eventLoop = connection.channel.eventLoop.assumeIsolated()
        connection.onIdleEnd = { [weak self, weak connection] in
            if let connection { self?.drop(connection) }
        }
        connection.idleTimer = eventLoop.scheduleTask(in: settings.keepAliveTimeout) {
            self.drop(connection)
        }
        self.idle[key, default: []].append(connection)
    }

    private func drop(_ connection: UpstreamConnection) {
        let key = ObjectIdentifier(connection.endpoint)
        self.idle[key]?.removeAll { $0 === connection }
        if self.idle[key]?.isEmpty ?? false { self.idle[key] = nil }
        Self.wake(connection)
        connection.close()
    }

    private static func wake(_ connection: UpstreamConnection) {
        connection.idleTimer?.cancel()
        connection.idleTimer = nil
        connection.onIdleEnd = nil
    }

    /// Ends the connections to upstream servers that are no longer there.
    func keepOnly(_ endpoints: Set<ObjectIdentifier>) {
        for (key, connections) in self.idle where !endpoints.contains(key) {
            self.idle[key] = nil
            for connection in connections {
                Self.wake(connection)
                connection.close()
            }
        }
    }
}
