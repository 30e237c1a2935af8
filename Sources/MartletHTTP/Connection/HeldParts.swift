import DequeModule
import NIOCore
import NIOHTTP1

/// The parts of requests that arrived while none may be handled, the oldest first. They are those of one read as a rule;
/// but once a client has ended its half, NIO reads everything that the kernel has, and asks nobody: there is a limit.
struct HeldParts {
    /// The most parts.
    private static let partLimit = 4096
    /// The bytes after which no further part is taken: much more than one read brings.
    private static let byteLimit = 64 * 1024

    private var parts: Deque<HTTPServerRequestPart> = []
    private var bytes = 0

    var isEmpty: Bool { self.parts.isEmpty }

    /// Whether no further part may be appended.
    var isFull: Bool { self.parts.count >= Self.partLimit || self.bytes >= Self.byteLimit }

    mutating func append(_ part: HTTPServerRequestPart) {
        self.parts.append(part)
        self.bytes += Self.size(of: part)
    }

    /// Puts a part that was taken back to the front, full or not.
    mutating func prepend(_ part: HTTPServerRequestPart) {
        self.parts.prepend(part)
        self.bytes += Self.size(of: part)
    }

    mutating func popFirst() -> HTTPServerRequestPart? {
        guard let part = self.parts.popFirst() else { return nil }
        self.bytes -= Self.size(of: part)
        return part
    }

    /// The bytes of a part's texts, more or less as they were received.
    private static func size(of part: HTTPServerRequestPart) -> Int {
        switch part {
        case .head(let head): head.uri.utf8.count + Self.size(of: head.headers)
        case .body(let bytes): bytes.readableBytes
        case .end(let trailers): trailers.map { Self.size(of: $0) } ?? 0
        }
    }

    private static func size(of headers: HTTPHeaders) -> Int {
        headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}
