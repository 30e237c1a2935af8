import Foundation

/// A value that tasks share.
///
/// `@unchecked Sendable`: the lock protects the value. It is not the standard library's `Mutex`, which ThreadSanitizer
/// does not know.
final class Shared<Value: Sendable>: @unchecked Sendable {
    fileprivate let lock = NSLock()
    fileprivate var storage: Value

    init(_ value: Value) { self.storage = value }

    var value: Value { self.lock.withLock { self.storage } }

    func set(_ value: Value) { self.lock.withLock { self.storage = value } }
}

extension Shared where Value == Int {
    func increment() { self.lock.withLock { self.storage += 1 } }
}
