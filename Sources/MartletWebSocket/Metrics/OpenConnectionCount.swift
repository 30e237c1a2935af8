import MartletProtocol
import Synchronization

/// The number of open connections of the process, over all event loops.
enum OpenConnectionCount {
    private static let server = Atomic<Int>(0)
    private static let client = Atomic<Int>(0)

    static func change(by delta: Int, _ role: Role) {
        if role == .server {
            self.server.wrappingAdd(delta, ordering: .relaxed)
        } else {
            self.client.wrappingAdd(delta, ordering: .relaxed)
        }
    }

    static func of(_ role: Role) -> Int {
        role == .server ? self.server.load(ordering: .relaxed) : self.client.load(ordering: .relaxed)
    }
}
