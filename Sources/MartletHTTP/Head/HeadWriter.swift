package import NIOHTTP1

/// Writes heads as bytes (RFC 9112, section 2.1). Everything in them has already been checked.
package enum HeadWriter {
    package static func bytes(_ head: HTTPRequestHead) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        bytes.append(contentsOf: head.method.rawValue.utf8)
        bytes.append(0x20)
        bytes.append(contentsOf: head.uri.utf8)
        bytes.append(contentsOf: " HTTP/1.1\r\n".utf8)
        Self.write(head.headers, to: &bytes)
        return bytes
    }

    package static func switchingProtocols(_ headers: HTTPHeaders) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.append(contentsOf: "HTTP/1.1 101 Switching Protocols\r\n".utf8)
        Self.write(headers, to: &bytes)
        return bytes
    }

    private static func write(_ headers: HTTPHeaders, to bytes: inout [UInt8]) {
        for (name, value) in headers {
            bytes.append(contentsOf: name.utf8)
            bytes.append(contentsOf: ": ".utf8)
            bytes.append(contentsOf: value.utf8)
            bytes.append(contentsOf: "\r\n".utf8)
        }
        bytes.append(contentsOf: "\r\n".utf8)
    }
}
