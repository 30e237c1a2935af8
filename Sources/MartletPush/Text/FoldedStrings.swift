import FoundationEssentials
import NIOCore

/// The strings of a JSON object, found by name without regard to case, as Go's `encoding/json` finds them: clients of
/// the original service rely on it. An exact match wins.
struct FoldedStrings: Decodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>

    init(from decoder: any Decoder) throws {
        self.container = try decoder.container(keyedBy: Key.self)
    }

    /// - Returns: `nil` when the bytes are not a JSON object.
    init?(json: ByteBuffer) {
        guard let decoded = try? JSONDecoder().decode(Self.self, from: Data(json.readableBytesView)) else { return nil }
        self = decoded
    }

    /// Whether there is a key of that name, whatever stands behind it.
    func contains(_ name: String) -> Bool {
        let folded = name.lowercased()
        return self.container.allKeys.contains { $0.stringValue.lowercased() == folded }
    }

    /// The string of a name; `nil` when it is missing, is no string or is empty, and when several keys differ only in
    /// case and none of them is exact: a dictionary has no last one.
    subscript(_ name: String) -> String? {
        let exact = Key(stringValue: name)
        let folded = name.lowercased()
        let keys =
            self.container.contains(exact)
            ? [exact] : self.container.allKeys.filter { $0.stringValue.lowercased() == folded }
        guard keys.count == 1, let value = try? self.container.decode(String.self, forKey: keys[0]), !value.isEmpty
        else { return nil }
        return value
    }
}
