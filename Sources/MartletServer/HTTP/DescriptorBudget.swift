import CMartletSystem

/// The number of connections that the process may have. The soft limit of descriptors is 1,024 on many systems, and
/// every connection takes one.
struct DescriptorBudget: Sendable {
    /// Descriptors that are not for connections: listeners, the log, event loops, files.
    private static let reserved = 64
    /// One in so many connections is for plain requests only: a back end must be able to push when all others are
    /// taken.
    private static let requestShare = 16

    /// The limit of descriptors of the process; 0 when it is unknown.
    let descriptors: Int

    /// Raises the limit as far as the system allows.
    init() { self.init(descriptors: Int(clamping: martlet_raise_descriptor_limit())) }

    init(descriptors: Int) { self.descriptors = descriptors }

    var connections: Int { self.descriptors == 0 ? .max : max(self.descriptors - Self.reserved, 1) }

    /// The number of connections that a listener for operators may have.
    var operators: Int { self.connections == .max ? 4096 : max(min(self.connections / Self.requestShare, 1024), 8) }

    /// Returns the number of WebSockets and event streams that the process may have.
    ///
    /// - Parameter limit: the configured limit; `nil` for none.
    func clients(_ limit: Int?) -> Int {
        let most = self.connections == .max ? .max : self.connections - self.connections / Self.requestShare
        return min(most, limit ?? .max)
    }
}
