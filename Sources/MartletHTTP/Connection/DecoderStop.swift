package import NIOHTTP1

/// A `DecoderStop` is the point after which NIO's `HTTPDecoder` parses nothing more: it keeps every later byte, without
/// a limit, until it is removed. The rule is llhttp's (as vendored by swift-nio 2.101), not RFC 9110's:
///
/// - `Proxy-Connection` is read like `Connection`; what `Upgrade` names does not matter, nor does the version of HTTP.
/// - In a list, spaces may come before and after `upgrade`, but tabs only before it.
///
/// The end of a connection is another matter: after a request that is not `isKeepAlive` the decoder goes on, and
/// reports anything but line ends as an error.
package enum DecoderStop {
    /// Whether the decoder of a server stops after a request: after its body, or after its head if it is a `CONNECT`.
    ///
    /// - Parameter head: the head as the decoder made it. Headers that were changed afterwards say nothing about the
    ///   decoder.
    package static func stops(after head: HTTPRequestHead) -> Bool {
        head.method == .CONNECT || Self.asksForUpgrade(head.headers)
    }

    /// Whether the decoder of a client stops after a response. After a 101 for which it does not stop, it waits for the
    /// next read or its own removal, and parses what has arrived by then as the next response.
    ///
    /// - Parameter head: the head as the decoder made it: an `HTTPResponse` has lost the tabs at the ends of its
    ///   values.
    package static func stops(after head: HTTPResponseHead) -> Bool {
        head.status.code == 101 && Self.asksForUpgrade(head.headers)
    }

    private static func asksForUpgrade(_ headers: HTTPHeaders) -> Bool {
        headers["upgrade"].contains { !$0.isEmpty }
            && (headers["connection"].contains(where: Self.listsUpgrade)
                || headers["proxy-connection"].contains(where: Self.listsUpgrade))
    }

    /// Whether a value lists `upgrade`. It compares bytes: as a `Character`, a comma before a combining mark is not a
    /// comma.
    private static func listsUpgrade(_ value: String) -> Bool {
        value.utf8.split(separator: UInt8(ascii: ",")).contains { element in
            let text = element.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            return text.prefix(7).elementsEqual("upgrade".utf8) { $0 | 0x20 == $1 }
                && text.dropFirst(7).allSatisfy { $0 == UInt8(ascii: " ") }
        }
    }
}
