import Synchronization

/// How many connections a server takes, in all and from one address.
public final class ConnectionLimiter: Sendable {
    private struct Counts {
        var total = 0
        var byAddress: [String: Int] = [:]
    }

    public let maximumTotal: Int?
    public let maximumPerAddress: Int?
    private let counts = Mutex(Counts())

    /// - Parameters:
    ///   - total: open at once; `nil` for no limit. Beyond it a connection gets 503.
    ///   - perAddress: open at once from one client address; `nil` for no limit. Beyond it a handshake gets 429.
    public init(total: Int? = nil, perAddress: Int? = nil) {
        self.maximumTotal = total
        self.maximumPerAddress = perAddress
    }

    /// Connections that are open.
    public var count: Int { self.counts.withLock { $0.total } }

    func admitConnection() -> Bool {
        self.counts.withLock { counts in
            if let most = self.maximumTotal, counts.total >= most { return false }
            counts.total += 1
            return true
        }
    }

    func connectionEnded() { self.counts.withLock { $0.total -= 1 } }

    func admit(address: String) -> Bool {
        guard let most = self.maximumPerAddress else { return true }
        return self.counts.withLock { counts in
            let count = counts.byAddress[address, default: 0]
            guard count < most else { return false }
            counts.byAddress[address] = count + 1
            return true
        }
    }

    func ended(address: String) {
        guard self.maximumPerAddress != nil else { return }
        self.counts.withLock { counts in
            let count = counts.byAddress[address, default: 0] - 1
            counts.byAddress[address] = count > 0 ? count : nil
        }
    }
}
