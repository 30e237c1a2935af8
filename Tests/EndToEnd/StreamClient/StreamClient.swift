import Foundation
import MartletWebSocket
import NIOCore

/// Streams one message of many bytes to an echo server and reads it back: `StreamClient URL BYTES`.
@main
struct StreamClient {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let total = Int(arguments[2]) else {
            print("usage: StreamClient URL BYTES")
            return
        }
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket.limits = MessageLimits(maximumMessageSize: total)
        let idle = Self.residentKiB()
        try await WebSocketClient(configuration: configuration).connect(to: arguments[1]) { socket in
            async let sent: Void = socket.withMessageWriter(.binary) { writer in
                var offset = 0
                while offset < total {
                    let count = min(100_000, total - offset)
                    try await writer.write(Self.chunk(offset, count))
                    offset += count
                }
            }
            var received = 0
            var isRight = true
            for try await message in socket.streamedMessages {
                for try await chunk in message.chunks {
                    // One byte of each chunk is enough to find a hole.
                    if chunk.getInteger(at: chunk.readerIndex, as: UInt8.self) != Self.byte(received) {
                        isRight = false
                    }
                    received += chunk.readableBytes
                }
                break
            }
            try await sent
            print("echoed \(received) \(isRight ? "right" : "wrong")")
        }
        print("idle \(idle) KiB, peak \(Self.residentKiB(peak: true)) KiB")
    }

    private static func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 31 ^ offset >> 12) }

    private static func chunk(_ offset: Int, _ count: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            for index in 0..<count { bytes[index] = Self.byte(offset + index) }
            return count
        }
        return buffer
    }

    private static func residentKiB(peak: Bool = false) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(peak ? "VmHWM:" : "VmRSS:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }
}
