/// A string that is equal to another when their bytes are.
///
/// Swift takes "é" and "e" with an accent behind it for the same; a back end that compares bytes has two users there,
/// and neither may get the other's messages.
package struct ExactString: Sendable, Hashable {
    package let value: String

    package init(_ value: String) { self.value = value }

    package static func == (left: Self, right: Self) -> Bool { left.value.utf8.elementsEqual(right.value.utf8) }

    package func hash(into hasher: inout Hasher) {
        var value = self.value
        value.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // The end is a byte that no text has, as `String` does it: otherwise several texts in a row would hash like any
        // others with the same bytes.
        hasher.combine(0xFF as UInt8)
    }
}
