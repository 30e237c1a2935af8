/// A line of a log, put together so that nothing in it can end it early or pass for something else.
struct LogLine {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: String) { self.bytes.append(contentsOf: text.utf8) }

    /// Appends text as nginx does: quotes, backslashes and everything but printable ASCII become `\xHH`.
    mutating func escaped(_ text: String) {
        for byte in text.utf8 {
            if byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
                self.bytes.append(byte)
            } else {
                self.raw("\\x")
                self.hex(byte)
            }
        }
    }

    /// Appends a comma, the name and the value of a JSON object's member; appends nothing for `nil`.
    mutating func member(_ name: String, _ value: String?) {
        guard let value else { return }
        self.raw(",\"\(name)\":\"")
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20, 0x7F:
                self.raw("\\u00")
                self.hex(byte)
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private mutating func hex(_ byte: UInt8) {
        let digits = Array("0123456789abcdef".utf8)
        self.bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
