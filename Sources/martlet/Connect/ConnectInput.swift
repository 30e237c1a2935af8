import Dispatch
import Foundation
import MartletWebSocket
import NIOCore

/// The messages that standard input becomes.
struct ConnectInput {
    enum Format: Sendable {
        /// Each line is a text.
        case text
        /// Input becomes binary messages as it comes, up to 64 KiB each; at a terminal each line is one.
        case binary
        /// Each line is a binary message in base64.
        case base64
    }

    /// The most messages that are read ahead: a slow server slows the reading down.
    private static let readAhead = 64
    private static let chunkSize = 64 * 1024

    let messages: AsyncStream<WebSocketMessage>
    private let room = DispatchSemaphore(value: readAhead)

    /// Reads standard input, on a thread of its own, since reading blocks; the thread ends with the input or the
    /// process.
    init(_ format: Format) {
        let (messages, continuation) = AsyncStream.makeStream(of: WebSocketMessage.self)
        self.messages = messages
        let room = self.room
        Thread.detachNewThread {
            while let message = Self.read(format) {
                room.wait()
                continuation.yield(message)
            }
            continuation.finish()
        }
    }

    /// Makes messages of the lines of a terminal.
    init(_ format: Format, lines: AsyncStream<String>, room: DispatchSemaphore? = nil) {
        let (messages, continuation) = AsyncStream.makeStream(of: WebSocketMessage.self)
        self.messages = messages
        Task {
            for await line in lines { if let message = Self.message(line, format) { continuation.yield(message) } }
            continuation.finish()
        }
    }

    /// Notes that a message has been dealt with, so that another may be read.
    func consumed() { self.room.signal() }

    private static func read(_ format: Format) -> WebSocketMessage? {
        if case .binary = format {
            var bytes = [UInt8](repeating: 0, count: Self.chunkSize)
            let count = Foundation.read(STDIN_FILENO, &bytes, bytes.count)
            return count > 0 ? .binary(ByteBuffer(bytes: bytes[..<count])) : nil
        }
        while let line = readLine() {
            if let message = Self.message(line, format) { return message }
        }
        return nil
    }

    private static func message(_ line: String, _ format: Format) -> WebSocketMessage? {
        switch format {
        case .text: return .text(line)
        case .binary: return .binary(ByteBuffer(string: line))
        case .base64:
            guard let data = Data(base64Encoded: line) else {
                ServiceRunner.complain("martlet: this line is not base64 and was not sent: \(Printable.escape(line))")
                return nil
            }
            return .binary(ByteBuffer(bytes: data))
        }
    }
}
