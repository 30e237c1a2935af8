import CMartletZlib
public import NIOCore

/// Compresses messages as RFC 7692, section 7.2.1 says. Holds one zlib context: about 256 KiB with a window of 15 bits.
public final class Deflater {
    /// The four bytes that end every flush and are removed from every message.
    static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    let windowBits: Int
    let level: Int
    let memoryLevel: Int
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether the current message has had any input.
    private var hasInput = false

    /// - Parameters:
    ///   - windowBits: 8 to 15. zlib uses 9 in place of 8; that does no harm, since it never refers back further than
    ///     the window less 262 bytes, which is 250.
    ///   - level: 1 to 9.
    ///   - memoryLevel: 1 to 9.
    public init(windowBits: Int, level: Int = 1, memoryLevel: Int = 8) {
        self.windowBits = windowBits
        self.level = level
        self.memoryLevel = memoryLevel
        self.stream = .allocate(capacity: 1)
        self.stream.initialize(to: z_stream())
        let result = martlet_deflateInit(self.stream, CInt(level), -CInt(max(windowBits, 9)), CInt(memoryLevel))
        precondition(result == Z_OK, "zlib has no memory for a compressor, or a parameter is out of range: \(result)")
    }

    deinit {
        deflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Forgets every earlier message.
    public func reset() {
        self.hasInput = false
        deflateReset(self.stream)
    }

    /// Compresses the next piece of a message.
    ///
    /// - Parameter isLast: whether the message ends with it.
    public func compress(_ input: UnsafeRawBufferPointer, isLast: Bool, into output: inout ByteBuffer) {
        if !input.isEmpty { self.hasInput = true }
        guard self.hasInput else {
            if isLast { output.writeInteger(UInt8(0)) }  // RFC 7692, section 7.2.3.6
            return
        }
        self.stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        self.stream.pointee.avail_in = 0
        var rest = input.count
        repeat {
            // zlib counts in 32 bits.
            let taken = min(rest, Int(CInt.max) - Int(self.stream.pointee.avail_in))
            self.stream.pointee.avail_in += UInt32(taken)
            rest -= taken
            self.run(flush: isLast && rest == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH, into: &output)
        } while rest > 0
        self.stream.pointee.next_in = nil
        if isLast {
            self.hasInput = false
            output.moveWriterIndex(to: output.writerIndex - Self.tail.count)
        }
    }

    private func run(flush: CInt, into output: inout ByteBuffer) {
        var isFull: Bool
        repeat {
            let room = min(max(Int(self.stream.pointee.avail_in) / 2, 512), 64 * 1024)
            isFull = false
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                self.stream.pointee.next_out = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                let available = UInt32(clamping: bytes.count)
                self.stream.pointee.avail_out = available
                let result = deflate(self.stream, flush)
                assert(result == Z_OK || result == Z_BUF_ERROR)
                isFull = self.stream.pointee.avail_out == 0
                return Int(available - self.stream.pointee.avail_out)
            }
        } while isFull || self.stream.pointee.avail_in > 0
    }
}

@available(*, unavailable)
extension Deflater: Sendable {}
