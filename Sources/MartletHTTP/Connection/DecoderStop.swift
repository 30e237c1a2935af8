package import NIOHTTP1

/// A `DecoderStop` is the point behind which NIO's `HTTPDecoder` parses nothing more: it keeps every later byte,
/// without a bound, until it is removed. The rule is llhttp's (as vendored by swift-nio 2.101), not RFC 9110's:
///
/// - `Proxy-Connection` is read as `Connection` is; what `Upgrade` names does not matter, nor does the version of HTTP.
/// - In a list, blanks may stand on both sides of `upgrade`, but tabs only before it.
///
/// The end of a connection is another matter: behind a request that is not `isKeepAlive` the decoder goes on, and takes
/// whatever comes but line ends for an error.
package enum DecoderStop {
    /// Whether the decoder of a server stops behind a request: behind its body, or its head if it is a `CONNECT`.
    ///
    /// - Parameter head: as the decoder made it. Headers that have been changed since say nothing about the decoder.
    package static func stops(after head: HTTPRequestHead) -> Bool {
        head.method == .CONNECT || Self.asksForUpgrade(head.headers)
    }

    /// Whether the decoder of a client stops behind an answer. Behind a 101 for which it does not, it waits for the
    /// next read or its own removal, and takes what is there by then for the next answer.
    ///
    /// - Parameter head: as the decoder made it: an `HTTPResponse` has lost the tabs at the ends of its values.
    package static func stops(after head: HTTPResponseHead) -> Bool {
        head.status.code == 101 && Self.asksForUpgrade(head.headers)
    }

    private static func asksForUpgrade(_ headers: HTTPHeaders) -> Bool {
        headers["upgrade"].contains { !$0.isEmpty }
            && (headers["connection"].contains(where: Self.listsUpgrade)
                || headers["proxy-connection"].contains(where: Self.listsUpgrade))
    }

    /// Byte by byte: for a `Character`, a comma with a combining mark behind it is no comma.
    private static func listsUpgrade(_ value: String) -> Bool {
        value.utf8.split(separator: UInt8(ascii: ",")).contains { element in
            let text = element.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            return text.prefix(7).elementsEqual("upgrade".utf8) { $0 | 0x20 == $1 }
                && text.dropFirst(7).allSatisfy { $0 == UInt8(ascii: " ") }
        }
    }
}
