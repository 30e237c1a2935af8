/// Reads JSON (RFC 8259) in one pass: work and memory are linear in the bytes.
struct JSONReader {
    /// The levels of arrays and objects, the outermost counted; RFC 8259, section 9, allows a limit.
    static let depthLimit = 64

    private static let replacement = Array("\u{FFFD}".utf8)

    private let bytes: UnsafeRawBufferPointer
    private var index = 0
    private var depth = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    static func read(_ bytes: UnsafeRawBufferPointer) -> Result<JSONValue, JSONError> {
        var reader = JSONReader(bytes)
        do throws(JSONError) {
            let value = try reader.value()
            reader.skipBlanks()
            return reader.index == bytes.count ? .success(value) : .failure(.syntax)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Values

    private mutating func value() throws(JSONError) -> JSONValue {
        self.skipBlanks()
        switch self.next {
        case UInt8(ascii: "{"): return try self.object()
        case UInt8(ascii: "["): return try self.array()
        case UInt8(ascii: "\""):
            self.index += 1
            return .string(try self.string())
        case UInt8(ascii: "t"): return try self.word("true", .bool(true))
        case UInt8(ascii: "f"): return try self.word("false", .bool(false))
        case UInt8(ascii: "n"): return try self.word("null", .null)
        default: return .number(try self.number())
        }
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        try self.enter()
        defer { self.depth -= 1 }
        var members = JSONObject.Builder()
        guard !self.take(UInt8(ascii: "}")) else { return .object(members.object) }
        repeat {
            guard self.take(UInt8(ascii: "\"")) else { throw .syntax }
            let name = try self.string()
            guard self.take(UInt8(ascii: ":")) else { throw .syntax }
            members.add(name, try self.value())
        } while self.take(UInt8(ascii: ","))
        guard self.take(UInt8(ascii: "}")) else { throw .syntax }
        return .object(members.object)
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try self.enter()
        defer { self.depth -= 1 }
        var elements: [JSONValue] = []
        guard !self.take(UInt8(ascii: "]")) else { return .array(elements) }
        repeat { elements.append(try self.value()) } while self.take(UInt8(ascii: ","))
        guard self.take(UInt8(ascii: "]")) else { throw .syntax }
        return .array(elements)
    }

    /// Goes past the bracket of an array or object.
    private mutating func enter() throws(JSONError) {
        self.index += 1
        self.depth += 1
        guard self.depth <= Self.depthLimit else { throw .tooDeep }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard self.index + length <= self.bytes.count,
            self.bytes[self.index..<self.index + length].elementsEqual(
                UnsafeBufferPointer(start: word.utf8Start, count: length))
        else { throw .syntax }
        self.index += length
        return value
    }

    private mutating func number() throws(JSONError) -> String {
        let start = self.index
        if self.next == UInt8(ascii: "-") { self.index += 1 }
        if self.next == UInt8(ascii: "0") { self.index += 1 } else { try self.digits() }
        if self.next == UInt8(ascii: ".") {
            self.index += 1
            try self.digits()
        }
        if let exponent = self.next, exponent | 0x20 == UInt8(ascii: "e") {
            self.index += 1
            if self.next == UInt8(ascii: "+") || self.next == UInt8(ascii: "-") { self.index += 1 }
            try self.digits()
        }
        return String(decoding: self.bytes[start..<self.index], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        let start = self.index
        while let byte = self.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { self.index += 1 }
        guard self.index > start else { throw .syntax }
    }

    // MARK: Strings

    /// Reads a string behind its opening quote.
    private mutating func string() throws(JSONError) -> String {
        let start = self.index
        while let byte = self.next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            self.index += 1
        }
        let plain = UnsafeRawBufferPointer(rebasing: self.bytes[start..<self.index])
        guard self.next == UInt8(ascii: "\\") else {
            guard self.next == UInt8(ascii: "\""), let text = String(validating: plain, as: UTF8.self) else {
                throw .syntax
            }
            self.index += 1
            return text
        }
        var unescaped = Array(plain)
        while let byte = self.next, byte >= 0x20 {
            self.index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: unescaped, as: UTF8.self) else { throw .syntax }
                return text
            case UInt8(ascii: "\\"): try self.unescape(to: &unescaped)
            default: unescaped.append(byte)
            }
        }
        throw .syntax
    }

    /// Reads an escape behind its backslash (RFC 8259, section 7).
    private mutating func unescape(to text: inout [UInt8]) throws(JSONError) {
        guard let byte = self.next else { throw .syntax }
        self.index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try self.unescapeUnicode(to: &text)
        default: throw .syntax
        }
    }

    /// A surrogate without its other half stands for U+FFFD, as in Go, and in what browsers make of it.
    private mutating func unescapeUnicode(to text: inout [UInt8]) throws(JSONError) {
        let unit = try self.hexadecimal()
        if let scalar = Unicode.Scalar(unit) { return text.append(contentsOf: UTF8.encode(scalar)!) }
        let isHigh = (0xD800..<0xDC00).contains(unit)
        guard isHigh, self.next == UInt8(ascii: "\\"), self.index + 1 < self.bytes.count,
            self.bytes[self.index + 1] == UInt8(ascii: "u")
        else { return text.append(contentsOf: Self.replacement) }
        let behindHigh = self.index
        self.index += 2
        let low = try self.hexadecimal()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + UInt32(unit - 0xD800) << 10 + UInt32(low - 0xDC00))
        else {
            self.index = behindHigh  // it is read by itself
            return text.append(contentsOf: Self.replacement)
        }
        text.append(contentsOf: UTF8.encode(scalar)!)
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt16 {
        guard self.index + 4 <= self.bytes.count else { throw .syntax }
        var value: UInt16 = 0
        for byte in self.bytes[self.index..<self.index + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw .syntax }
            value = value << 4 | UInt16(digit)
        }
        self.index += 4
        return value
    }

    // MARK: Bytes

    private var next: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

    private mutating func skipBlanks() {
        while let byte = self.next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { self.index += 1 }
    }

    /// Goes past blanks, and past a byte if it is the next one.
    private mutating func take(_ byte: UInt8) -> Bool {
        self.skipBlanks()
        guard self.next == byte else { return false }
        self.index += 1
        return true
    }
}
