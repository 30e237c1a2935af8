/// A string that is equal to another when their bytes are.
///
/// Swift takes "é" and "e" with an accent behind it for the same; a back end that compares bytes has two users there,
/// and neither may get the other's messages.
///
/// It is hashed once: a table that grows hashes all of its keys again in one go, and names of 8 KiB, which strangers
/// choose, would hold everybody up.
package struct ExactString: Sendable, Hashable {
    package let value: String
    /// The hash of the bytes.
    let digest: Int

    package init(_ value: String) {
        self.value = value
        var hasher = Hasher()
        var value = value
        value.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        self.digest = hasher.finalize()
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.digest == right.digest && left.value.hasSameBytes(as: right.value)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.digest) }
}
