extension JSONObject {
    /// A name of a member, and whether its case matters.
    package enum Name {
        case exact(String)
        case folded(String)

        var text: String {
            switch self {
            case .exact(let text), .folded(let text): text
            }
        }
    }

    package subscript(_ name: Name) -> JSONValue? {
        switch name {
        case .exact(let text): self[text]
        case .folded(let text): self[folded: text]
        }
    }

    /// Returns a string that must be there.
    ///
    /// - Throws: an error that names the field when it is missing, empty, or no string.
    package func string(_ name: Name) throws(JSONError) -> String {
        switch self[name] {
        case .string(let text) where !text.isEmpty: return text
        case .string: throw JSONError("\(name.text) is empty")
        case nil: throw JSONError("\(name.text) is missing")
        default: throw JSONError("\(name.text) is no string")
        }
    }

    /// Returns an identifier that must be there: a string, or an integer, which stands for its digits.
    ///
    /// - Throws: an error that names the field when it is missing, empty, or neither of both.
    package func identifier(_ name: Name) throws(JSONError) -> String {
        guard case .number(let text) = self[name] else { return try self.string(name) }
        guard text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }) else {
            throw JSONError("\(name.text) is neither a string nor an integer")
        }
        return text
    }

    /// Returns a string that may be missing. `null` is the same as none.
    ///
    /// - Throws: an error that names the field when it is no string.
    package func stringIfPresent(_ name: Name) throws(JSONError) -> String? {
        switch self[name] {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw JSONError("\(name.text) is no string")
        }
    }
}
