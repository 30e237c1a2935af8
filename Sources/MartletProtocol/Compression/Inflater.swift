import CMartletZlib
public import NIOCore

/// Inflates messages as RFC 7692, section 7.2.2 says, never more than it is asked for. Holds one zlib context: up to 40
/// KiB.
public final class Inflater {
    public enum Status: Sendable, Hashable {
        /// All of the input was consumed and all of its output written.
        case needsInput
        /// The output reached `maximumOutput`; there may be more.
        case outputFull
        /// The input is not valid deflate data.
        case corrupt
    }

    /// The most final blocks in one piece of input; a compressor normally makes one for each message.
    private static let maximumFinalBlocks = 64

    let windowBits: Int
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter windowBits: 8 to 15, no less than the peer compresses with.
    public init(windowBits: Int) {
        self.windowBits = windowBits
        self.stream = .allocate(capacity: 1)
        self.stream.initialize(to: z_stream())
        let result = martlet_inflateInit(self.stream, -CInt(windowBits))
        precondition(result == Z_OK, "zlib has no memory for a decompressor, or the window is out of range: \(result)")
    }

    deinit {
        inflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Forgets every earlier message.
    public func reset() { inflateReset(self.stream) }

    /// Inflates some input.
    ///
    /// - Parameters:
    ///   - maximumOutput: the most bytes to add to `output`.
    /// - Returns: how many bytes of the input were consumed, and why it stopped.
    public func inflate(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, maximumOutput: Int
    ) -> (taken: Int, status: Status) {
        var taken = 0
        var given = 0
        var finalBlocks = 0
        while true {
            let room = min(maximumOutput - given, max(4 * (input.count - taken), 512), 64 * 1024)
            guard room > 0 else { return (taken, .outputFull) }
            let available = UInt32(clamping: input.count - taken)
            self.stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.advanced(by: taken).assumingMemoryBound(to: UInt8.self))
            self.stream.pointee.avail_in = available
            var result = Z_OK
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                self.stream.pointee.next_out = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                self.stream.pointee.avail_out = UInt32(room)
                result = CMartletZlib.inflate(self.stream, Z_SYNC_FLUSH)
                return room - Int(self.stream.pointee.avail_out)
            }
            let isFull = self.stream.pointee.avail_out == 0
            given += room - Int(self.stream.pointee.avail_out)
            taken += Int(available - self.stream.pointee.avail_in)
            self.stream.pointee.next_in = nil
            switch result {
            case Z_OK, Z_BUF_ERROR:
                if !isFull, taken == input.count { return (taken, .needsInput) }
                if result == Z_BUF_ERROR, !isFull { return (taken, .corrupt) }
            case Z_STREAM_END:
                // A compressor may end a message with a final block (RFC 7692, section 7.2.3.4); zlib stops there. The
                // data after it still refers to the data before it.
                finalBlocks += 1
                guard finalBlocks <= Self.maximumFinalBlocks, inflateResetKeep(self.stream) == Z_OK else {
                    return (taken, .corrupt)
                }
                if taken == input.count { return (taken, .needsInput) }
            default:
                return (taken, .corrupt)
            }
        }
    }
}

@available(*, unavailable)
extension Inflater: Sendable {}
