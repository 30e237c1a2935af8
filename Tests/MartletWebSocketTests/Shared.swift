import Synchronization

/// A value that tasks share.
final class Shared<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { self.storage = Mutex(value) }

    var value: Value { self.storage.withLock { $0 } }

    func set(_ value: Value) { self.storage.withLock { $0 = value } }
}

extension Shared where Value == Int {
    func increment() { self.storage.withLock { $0 += 1 } }
}
