import NIOHTTP1

/// Reads the head of a request or of an answer that has come whole, and takes none but those that nobody could read in two
/// ways (RFC 9112, sections 2.2, 3 and 5): lines end with CR LF, names are tokens with the colon right behind them, values
/// are visible ASCII, blanks and tabs without any at their end, nothing is folded. Anything else is left to NIO's decoder, and what that says of it.
enum HeadParser {
    /// - Parameter bytes: the head with its empty line, and nothing behind it.
    /// - Returns: `nil` unless it is a GET request of HTTP/1.1.
    static func request(_ bytes: UnsafeRawBufferPointer, maximumCount: Int) -> HTTPRequestHead? {
        guard var lines = Lines(bytes), let first = lines.next(), first.starts(with: Array("GET ".utf8)) else {
            return nil
        }
        let version = Array(" HTTP/1.1".utf8)
        let rest = first.dropFirst(4)
        guard rest.count > version.count, rest.suffix(version.count).elementsEqual(version) else { return nil }
        let target = rest.dropLast(version.count)
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        guard let headers = Self.headers(&lines, maximumCount) else { return nil }
        return HTTPRequestHead(
            version: .http1_1, method: .GET, uri: String(decoding: target, as: UTF8.self), headers: headers)
    }

    /// - Parameter bytes: the head with its empty line, and nothing behind it.
    /// - Returns: `nil` unless it is a 101 of HTTP/1.1.
    static func switchingProtocols(_ bytes: UnsafeRawBufferPointer, maximumCount: Int) -> HTTPResponseHead? {
        guard var lines = Lines(bytes), let first = lines.next(), first.starts(with: Array("HTTP/1.1 101".utf8)),
            first.count == 12 || first[first.startIndex + 12] == 0x20, first.allSatisfy(Self.isValueByte),
            let headers = Self.headers(&lines, maximumCount)
        else { return nil }
        return HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
    }

    /// - Returns: where the empty line ends, if it is there.
    static func end(_ bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        var index = max(start, 3)
        while index < bytes.count {
            // Of four bytes in a row one is looked at, mostly.
            switch bytes[index] {
            case 0x0A:
                if bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D { return index + 1 }
                index += 2
            case 0x0D: index += 1
            default: index += 4
            }
        }
        return nil
    }

    /// Line after line, without their ends.
    private struct Lines {
        private var rest: Slice<UnsafeRawBufferPointer>

        init?(_ bytes: UnsafeRawBufferPointer) {
            guard bytes.count >= 4, bytes.suffix(4).elementsEqual([0x0D, 0x0A, 0x0D, 0x0A]) else { return nil }
            self.rest = bytes.dropLast(2)
        }

        var isAtEnd: Bool { self.rest.isEmpty }

        /// - Returns: `nil` for one that ends otherwise than with CR LF.
        mutating func next() -> Slice<UnsafeRawBufferPointer>? {
            guard let end = self.rest.firstIndex(of: 0x0A), end > self.rest.startIndex,
                self.rest[end - 1] == 0x0D
            else { return nil }
            defer { self.rest = self.rest[(end + 1)...] }
            return self.rest[..<(end - 1)]
        }
    }

    private static func headers(_ lines: inout Lines, _ maximumCount: Int) -> HTTPHeaders? {
        var headers = HTTPHeaders()
        headers.reserveCapacity(16)
        while !lines.isAtEnd {
            guard let line = lines.next(), let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                headers.count < maximumCount
            else { return nil }
            let name = line[..<colon]
            var value = line[(colon + 1)...]
            while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
            // NIO's decoder keeps blanks at the end: who they belong to is for it to say.
            guard value.last != 0x20, value.last != 0x09, name.allSatisfy(HTTPSyntax.isTokenByte),
                value.allSatisfy(Self.isValueByte)
            else { return nil }
            headers.add(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self))
        }
        return headers
    }

    private static func isValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F || byte == 0x09 }
}
