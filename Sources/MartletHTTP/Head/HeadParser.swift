import MartletProtocol
package import NIOHTTP1

/// Reads the head of a request or response that has arrived completely, and only if it cannot be read in two ways (RFC
/// 9112, sections 2.2, 3 and 5): lines end with CR LF, names are tokens with the colon right after them, values are
/// visible ASCII, spaces and tabs without any at their end, nothing is folded, and nothing says that a body follows.
/// Everything else is left to NIO's decoder and its errors.
package enum HeadParser {
    private static let cr: UInt8 = 0x0D
    private static let lf: UInt8 = 0x0A

    /// - Parameter bytes: the head with its empty line, and nothing after it.
    /// - Returns: `nil` unless it is a GET request of HTTP/1.1.
    package static func request(_ bytes: UnsafeRawBufferPointer, maximumCount: Int) -> HTTPRequestHead? {
        guard Self.end(bytes) == bytes.count, Self.has("GET ", bytes, at: 0) else { return nil }
        var index = 4
        // A path, with its query; other forms of a target are left to NIO, and none has a fragment (RFC 9112, section
        // 3.2).
        guard bytes[index] == UInt8(ascii: "/") else { return nil }
        while bytes[index] > 0x20, bytes[index] < 0x7F, bytes[index] != UInt8(ascii: "#") { index += 1 }
        guard Self.has(" HTTP/1.1\r\n", bytes, at: index) else { return nil }
        let target = Self.text(bytes[4..<index])
        guard let headers = Self.headers(bytes, from: index + 11, maximumCount) else { return nil }
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)
    }

    /// - Parameter bytes: the head with its empty line, and nothing after it.
    /// - Returns: `nil` unless it is a 101 of HTTP/1.1.
    package static func switchingProtocols(_ bytes: UnsafeRawBufferPointer, maximumCount: Int) -> HTTPResponseHead? {
        guard Self.end(bytes) == bytes.count, Self.has("HTTP/1.1 101", bytes, at: 0),
            bytes[12] == Self.cr || bytes[12] == 0x20
        else { return nil }
        var index = 12
        while Self.isValueByte(bytes[index]) { index += 1 }
        guard Self.has("\r\n", bytes, at: index), let headers = Self.headers(bytes, from: index + 2, maximumCount)
        else { return nil }
        return HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
    }

    /// Returns the end of a head: the empty line after its headers. Lines end only with CR LF, as in NIO's decoder.
    ///
    /// - Parameter start: the index of the first byte that has not been looked at.
    /// - Returns: the index after the empty line, if it is there.
    package static func end(_ bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        var index = max(start, 3)
        while index < bytes.count {
            // Mostly, only one of four bytes is looked at.
            switch bytes[index] {
            case Self.lf:
                if bytes[index - 1] == Self.cr, bytes[index - 2] == Self.lf, bytes[index - 3] == Self.cr {
                    return index + 1
                }
                index += 2
            case Self.cr: index += 1
            default: index += 4
            }
        }
        return nil
    }

    /// Reads the headers up to the empty line that ends `bytes`: no loop over the bytes of a line can go on beyond it.
    private static func headers(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ maximumCount: Int
    ) -> HTTPHeaders? {
        var headers = HTTPHeaders()
        headers.reserveCapacity(16)
        var index = start
        while index < bytes.count - 2 {
            let nameStart = index
            while HTTPSyntax.isTokenByte(bytes[index]) { index += 1 }
            guard index > nameStart, bytes[index] == UInt8(ascii: ":"), headers.count < maximumCount else { return nil }
            let name = nameStart..<index
            guard !Self.isFraming(bytes[name]) else { return nil }
            index += 1
            while bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
            let valueStart = index
            while Self.isValueByte(bytes[index]) { index += 1 }
            let value = valueStart..<index
            // NIO's decoder keeps spaces at the end, so the decision what they mean is left to it.
            guard Self.has("\r\n", bytes, at: index),
                value.isEmpty || bytes[index - 1] != 0x20 && bytes[index - 1] != 0x09
            else { return nil }
            index += 2
            headers.add(name: Self.name(bytes[name]), value: Self.text(bytes[value]))
        }
        return headers
    }

    /// Whether a header says where the body ends: its value is left to NIO's decoder.
    private static func isFraming(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        let text: StaticString
        switch name.count {
        case 14: text = "content-length"
        case 17: text = "transfer-encoding"
        default: return false
        }
        // Among the bytes of a token, only a capital letter becomes one of these when the lower-case bit is set.
        for (byte, place) in zip(name, 0...) where byte | 0x20 != text.utf8Start[place] { return false }
        return true
    }

    /// Returns a header's name; the long ones of every handshake need no memory.
    private static func name(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let name = UnsafeRawBufferPointer(rebasing: bytes)
        switch name.count {
        case 17: if Self.has("Sec-WebSocket-Key", name, at: 0) { return "Sec-WebSocket-Key" }
        case 20: if Self.has("Sec-WebSocket-Accept", name, at: 0) { return "Sec-WebSocket-Accept" }
        case 21: if Self.has("Sec-WebSocket-Version", name, at: 0) { return "Sec-WebSocket-Version" }
        case 24: if Self.has("Sec-WebSocket-Extensions", name, at: 0) { return "Sec-WebSocket-Extensions" }
        default: break
        }
        return String(decoding: name, as: UTF8.self)
    }

    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes), as: UTF8.self)
    }

    /// Whether `text` is at `index`.
    @inline(__always)
    private static func has(_ text: StaticString, _ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - index >= count else { return false }
        for place in 0..<count where bytes[index + place] != text.utf8Start[place] { return false }
        return true
    }

    @inline(__always)
    private static func isValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F || byte == 0x09 }
}
