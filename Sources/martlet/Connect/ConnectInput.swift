import Dispatch
import Foundation
import MartletWebSocket
import NIOCore

/// What standard input becomes: messages.
struct ConnectInput {
    enum Format: Sendable {
        /// Each line is a text.
        case text
        /// As it comes, up to 64 KiB a message; at a terminal each line.
        case binary
        /// Each line is a binary message in base64.
        case base64
    }

    /// Read ahead at most, in messages: a slow server slows the reading down.
    private static let readAhead = 64
    private static let chunkSize = 64 * 1024

    let messages: AsyncStream<WebSocketMessage>
    private let room = DispatchSemaphore(value: readAhead)

    /// Reading blocks, so it has a thread of its own; the thread ends with the input or the process.
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

    /// Lines of a terminal.
    init(_ format: Format, lines: AsyncStream<String>, room: DispatchSemaphore? = nil) {
        let (messages, continuation) = AsyncStream.makeStream(of: WebSocketMessage.self)
        self.messages = messages
        Task {
            for await line in lines { if let message = Self.message(line, format) { continuation.yield(message) } }
            continuation.finish()
        }
    }

    /// A message has been dealt with.
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
