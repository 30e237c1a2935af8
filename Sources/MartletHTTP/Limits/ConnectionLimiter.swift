package import HTTPTypes
package import NIOCore
import Synchronization

/// A limit on the number of connections that a server takes, in all and from one address.
public final class ConnectionLimiter: Sendable {
    /// A client that was admitted, until ``end()`` is called.
    package struct Admission: Sendable {
        fileprivate let limiter: ConnectionLimiter
        fileprivate let address: String?

        /// Ends the admission; to be called once.
        package func end() { self.limiter.ended(self.address) }
    }

    /// The reason for which a client is not admitted.
    package enum Refusal: Error, Sendable, Hashable {
        /// The server has too many clients: 503.
        case full
        /// The server is shutting down, and admits no more clients: 503.
        case closed
        /// The client's address has too many connections, or connects too often: 429.
        case tooMany(reason: String, retryAfter: Int)

        /// Returns the answer to a client that is not admitted.
        ///
        /// - Parameter fields: further headers of the answer.
        package func answer(_ fields: HTTPFields = [:]) -> MartletHTTP.Refusal {
            var fields = fields
            switch self {
            case .closed:
                // A random number for each, so that they do not all reconnect at once.
                fields[.retryAfter] = String(Int.random(in: 1...3))
                return .init(.serviceUnavailable, "the server is shutting down", fields, mayStay: false)
            case .full:
                fields[.retryAfter] = "5"
                // Its connection would take the place of another.
                return .init(.serviceUnavailable, "too many connections", fields, mayStay: false)
            case .tooMany(let reason, let retryAfter):
                fields[.retryAfter] = String(retryAfter)
                return .init(.tooManyRequests, reason, fields)
            }
        }
    }

    private struct State {
        var total = 0
        var unproven = UnprovenConnections()
        var placeCount: UInt64 = 0
        var clients = 0
        var isClosed = false
        var maximumClients: Int?
        var maximumPerAddress: Int?
        var byAddress: [String: Int] = [:]
    }

    public let maximumTotal: Int?
    private let state: Mutex<State>
    private let rate: RateLimiter
    private let madeRoomCount = Atomic(0)
    /// The WebSockets and streams on connections of the server whose connections are counted here.
    let carriedCount = Atomic(0)

    /// - Parameters:
    ///   - total: the most connections open at once; `nil` for no limit. Beyond it a connection gets 503.
    ///   - clients: the most WebSockets and streams open at once; `nil` for no limit. Beyond it a handshake gets 503,
    ///     and plain requests are still answered.
    ///   - perAddress: the most of those open at once from one client address; `nil` for no limit. Beyond it a
    ///     handshake gets 429.
    ///   - rate: how often one address may begin one; `nil` for no limit. Beyond it a handshake gets 429.
    public convenience init(
        total: Int? = nil, clients: Int? = nil, perAddress: Int? = nil, rate: RateLimit? = nil
    ) {
        self.init(total: total, clients: clients, perAddress: perAddress, rate: RateLimiter(rate))
    }

    package init(total: Int? = nil, clients: Int? = nil, perAddress: Int? = nil, rate: RateLimiter) {
        self.maximumTotal = total
        self.state = Mutex(State(maximumClients: clients, maximumPerAddress: perAddress))
        self.rate = rate
    }

    public var maximumPerAddress: Int? { self.state.withLock { $0.maximumPerAddress } }

    /// The number of open connections.
    public var count: Int { self.state.withLock { $0.total } }

    /// The number of open WebSockets and streams.
    package var clientCount: Int { self.state.withLock { $0.clients } }

    /// The number of WebSockets and streams on the connections that are counted here, whichever limiter admitted them.
    package var carriedClients: Int { self.carriedCount.load(ordering: .relaxed) }

    /// Changes the limits that apply from now on; connected clients stay.
    public func setLimits(clients: Int?, perAddress: Int?, rate: RateLimit?) {
        self.state.withLock { state in
            state.maximumClients = clients
            state.maximumPerAddress = perAddress
        }
        self.rate.setLimit(rate)
    }

    /// Admits no more clients, for good.
    package func close() { self.state.withLock { $0.isClosed = true } }
    package var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// Admits a connection, if need be in place of one that has proved nothing and on which nothing is under way.
    ///
    /// - Parameters:
    ///   - address: the peer's IP address.
    ///   - close: closes the connection at once, from any thread: its descriptor must be free a moment later.
    /// - Returns: `nil` when there is no room.
    package func admitConnection(
        from address: String?, close: @escaping @Sendable () -> Void
    ) -> ConnectionPlace? {
        let address = address.map { IPNetwork.client($0) } ?? "-"
        let now = NIODeadline.now()
        let (place, other) = self.state.withLock { state -> (ConnectionPlace?, ConnectionPlace?) in
            let most = self.maximumTotal ?? .max
            let budget = max(most / Self.unprovenShare, Self.leastUnproven)
            let isFull = state.total >= most
            var other: ConnectionPlace?
            if state.unproven.count(of: address) >= max(budget / 2, Self.leastUnproven) {
                other = state.unproven.takeOldest(of: address, at: now, isFull: isFull)
            }
            if other == nil, isFull || state.unproven.count >= budget {
                other = state.unproven.takeOldest(of: nil, at: now, isFull: isFull)
            }
            // A connection that makes room is no longer counted; its descriptor is free a moment later.
            if let other {
                other.uncount()
                state.total -= 1
            }
            guard state.total < most else { return (nil, other) }
            state.total += 1
            state.placeCount += 1
            let place = ConnectionPlace(state.placeCount, self, address: address, openedAt: now, close: close)
            state.unproven.add(place)
            return (place, other)
        }
        if let other {
            self.madeRoomCount.add(1, ordering: .relaxed)
            other.close()
        }
        return place
    }

    /// One in so many connections may be one that has proved nothing, and at least so many.
    private static let unprovenShare = 4
    private static let leastUnproven = 16

    /// The number of connections that ended to make room for others.
    package var madeRoom: Int { self.madeRoomCount.load(ordering: .relaxed) }

    func proved(_ place: ConnectionPlace) { _ = self.state.withLock { $0.unproven.remove(place) } }

    func ended(_ place: ConnectionPlace) {
        self.state.withLock { state in
            // One that made room was counted out then.
            guard place.isCounted else { return }
            state.unproven.remove(place)
            state.total -= 1
        }
    }

    /// - Parameter address: the client's address; `nil` for a client without one, on a Unix domain socket.
    package func admit(address: String?) throws(Refusal) -> Admission {
        let address = address.map { IPNetwork.client($0) }
        // A client that connects too often must not learn anything else by it.
        if let address, let seconds = self.rate.refusal(of: address) {
            throw .tooMany(reason: "too many new connections from \(address)", retryAfter: seconds)
        }
        let refusal = self.state.withLock { state -> Refusal? in
            if state.isClosed { return .closed }
            if let most = state.maximumClients, state.clients >= most { return .full }
            if let address {
                let count = state.byAddress[address, default: 0]
                if let most = state.maximumPerAddress, count >= most {
                    return .tooMany(reason: "too many connections from \(address)", retryAfter: 1)
                }
                state.byAddress[address] = count + 1
            }
            state.clients += 1
            return nil
        }
        if let refusal { throw refusal }
        return Admission(limiter: self, address: address)
    }

    private func ended(_ address: String?) {
        self.state.withLock { state in
            state.clients -= 1
            guard let address else { return }
            let count = state.byAddress[address, default: 0] - 1
            state.byAddress[address] = count > 0 ? count : nil
        }
    }
}
