package import NIOCore

/// The members of a JSON object, in the order in which their names came first; no two have the same name.
package struct JSONObject: Sendable, Hashable {
    package struct Member: Sendable {
        package let name: String
        package fileprivate(set) var value: JSONValue
        /// The number of the member that the value is from, counted over the whole object.
        fileprivate var number: Int
    }

    /// Reads members, and knows which names have come.
    struct Builder {
        /// The number of members up to which comparing each with each is faster than a table.
        private static let few = 8

        private var members: [Member] = []
        private var indices: [ExactString: Int] = [:]
        private var count = 0

        var object: JSONObject { JSONObject(members: self.members) }

        /// Adds a member. It replaces the value of one with the same name: the last one applies.
        mutating func add(_ name: String, _ value: JSONValue) {
            self.count += 1
            if let index = self.index(of: name) {
                self.members[index].value = value
                self.members[index].number = self.count
                return
            }
            self.members.append(Member(name: name, value: value, number: self.count))
            guard self.members.count > Self.few else { return }
            if self.indices.isEmpty {
                for (index, member) in self.members.enumerated() { self.indices[ExactString(member.name)] = index }
            } else {
                self.indices[ExactString(name)] = self.members.count - 1
            }
        }

        private func index(of name: String) -> Int? {
            self.indices.isEmpty
                ? self.members.firstIndex { $0.name.hasSameBytes(as: name) } : self.indices[ExactString(name)]
        }
    }

    package let members: [Member]

    private init(members: [Member]) { self.members = members }

    /// - Throws: ``JSONError/noObject`` for other JSON.
    package init(_ json: ByteBuffer) throws(JSONError) {
        guard case .object(let object) = try JSONValue(json) else { throw .noObject }
        self = object
    }

    /// - Throws: ``JSONError/noObject`` for other JSON.
    package init(_ json: some Sequence<UInt8>) throws(JSONError) { try self.init(ByteBuffer(bytes: json)) }

    package subscript(_ name: String) -> JSONValue? {
        self.members.first { $0.name.hasSameBytes(as: name) }?.value
    }

    /// Returns the value of the last member whose name is the same but for the case of its ASCII letters, as Go's
    /// `encoding/json` finds it: clients of the original service rely on it.
    package subscript(folded name: String) -> JSONValue? {
        self.members.filter { Self.isSame($0.name, name) }.max { $0.number < $1.number }?.value
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8) { Self.folded($0) == Self.folded($1) }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.members.elementsEqual(right.members) {
            $0.name.hasSameBytes(as: $1.name) && $0.value == $1.value
        }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.members.count)
        for member in self.members {
            ExactString(member.name).hash(into: &hasher)
            hasher.combine(member.value)
        }
    }
}
