#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension String {
    /// Whether another string has the same bytes. Names may be long, and tables compare them often: `elementsEqual` of
    /// the bytes takes a hundred times as long.
    package func hasSameBytes(as other: String) -> Bool {
        let (left, right) = (self.utf8, other.utf8)
        guard left.count == right.count else { return false }
        let isSame = left.withContiguousStorageIfAvailable { left in
            right.withContiguousStorageIfAvailable { right in
                guard let first = left.baseAddress, let second = right.baseAddress else { return true }
                return memcmp(first, second, left.count) == 0
            }
        }
        return isSame.flatMap { $0 } ?? left.elementsEqual(right)
    }
}
