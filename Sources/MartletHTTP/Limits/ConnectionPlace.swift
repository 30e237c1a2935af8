package import NIOCore
import Synchronization

/// The place of one connection among those of a server. A connection that has proved nothing yet, no WebSocket and no
/// key, makes room for others while nothing is under way on it.
package final class ConnectionPlace: Sendable {
    /// The activity tells what is under way on a connection that has proved nothing.
    package enum Activity: UInt8, AtomicRepresentable, Sendable {
        /// No request has come.
        case idle
        /// All requests have been answered.
        case answered
        /// A request is being answered.
        case busy
        /// The last answer was written: the client has to end its half.
        case leaving
    }

    let number: UInt64
    let address: String
    let openedAt: NIODeadline
    private let activityFlag = Atomic(Activity.idle)
    private let countedFlag = Atomic(true)
    private let limiter: ConnectionLimiter
    private let closeConnection: @Sendable () -> Void

    /// - Parameter close: closes the connection, from any thread.
    init(
        _ number: UInt64, _ limiter: ConnectionLimiter, address: String, openedAt: NIODeadline,
        close: @escaping @Sendable () -> Void
    ) {
        self.number = number
        self.limiter = limiter
        self.address = address
        self.openedAt = openedAt
        self.closeConnection = close
    }

    package var activity: Activity {
        get { self.activityFlag.load(ordering: .relaxed) }
        set { self.activityFlag.store(newValue, ordering: .relaxed) }
    }

    /// Notes that the connection carries a client, or has shown a right key: it stays.
    package func prove() { self.limiter.proved(self) }

    /// Notes that the connection, or one of its streams, carries a client, until ``clientEnded()``.
    package func clientBegan() {
        self.prove()
        self.limiter.carriedCount.add(1, ordering: .relaxed)
    }

    package func clientEnded() { self.limiter.carriedCount.subtract(1, ordering: .relaxed) }

    /// Notes that the connection has ended. To be called once.
    package func end() { self.limiter.ended(self) }

    /// Whether the connection is counted.
    var isCounted: Bool { self.countedFlag.load(ordering: .relaxed) }

    /// Notes, under the limiter's lock, that the connection is no longer counted.
    func uncount() { self.countedFlag.store(false, ordering: .relaxed) }

    /// Ends the connection, for another one.
    func close() { self.closeConnection() }
}
