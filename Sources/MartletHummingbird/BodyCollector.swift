import HTTPTypes
import Hummingbird
import NIOCore

/// Gathers the body of a response.
final class BodyCollector: ResponseBodyWriter {
    struct TooLong: Error {}

    private let limit: Int
    private var bytes = ByteBuffer()

    init(limit: Int) { self.limit = limit }

    var text: String { String(buffer: self.bytes) }

    func write(_ buffer: ByteBuffer) async throws {
        guard buffer.readableBytes <= self.limit - self.bytes.readableBytes else { throw TooLong() }
        self.bytes.writeImmutableBuffer(buffer)
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
