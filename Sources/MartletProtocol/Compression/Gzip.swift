import CMartletZlib
package import NIOCore

/// The format gzip (RFC 1952).
package enum Gzip {
    /// The reason for which bytes were not inflated.
    package enum Failure: Error, Sendable, Hashable {
        /// There is more than the limit allows.
        case tooLong
        /// They are no gzip, or not whole, or something follows.
        case corrupt
    }

    /// 16 more than the bits of the window stand for gzip's header and checksum.
    private static let windowBits: CInt = 15 + 16
    private static let step = 64 * 1024

    /// Returns bytes compressed at the best level of zlib: the same ones for the same input.
    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        // zlib keeps the address of its stream, which therefore must not move.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = martlet_deflateInit(stream, 9, Self.windowBits, 9)
        precondition(result == Z_OK, "zlib has no memory for a compressor: \(result)")
        defer {
            deflateEnd(stream)
            stream.deallocate()
        }
        let bound = Int(deflateBound(stream, UInt(bytes.count)))
        return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            bytes.withUnsafeBytes { input in
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                let result = deflate(stream, Z_FINISH)
                precondition(result == Z_STREAM_END, "zlib needs more room than it said: \(result)")
                count = output.count - Int(stream.pointee.avail_out)
            }
        }
    }

    /// Inflates one body.
    ///
    /// - Parameter limit: the most bytes of the result; the buffer grows by doubling, to twice the limit at most.
    package static func inflate(_ bytes: ByteBuffer, limit: Int) -> Result<ByteBuffer, Failure> {
        // zlib keeps the address of its stream, which therefore must not move.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = martlet_inflateInit(stream, Self.windowBits)
        precondition(result == Z_OK, "zlib has no memory for a decompressor: \(result)")
        defer {
            inflateEnd(stream)
            stream.deallocate()
        }
        var output = ByteBuffer()
        return bytes.withUnsafeReadableBytes { input in
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(clamping: input.count)
            while true {
                // One byte more than the limit shows that there is more.
                let room = min(Self.step, limit + 1 - output.readableBytes)
                var result = Z_OK
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                    stream.pointee.next_out = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.pointee.avail_out = UInt32(room)
                    result = CMartletZlib.inflate(stream, Z_NO_FLUSH)
                    return room - Int(stream.pointee.avail_out)
                }
                guard output.readableBytes <= limit else { return .failure(.tooLong) }
                if result == Z_STREAM_END {
                    return stream.pointee.avail_in == 0 ? .success(output) : .failure(.corrupt)
                }
                guard result == Z_OK, stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0 else {
                    return .failure(.corrupt)
                }
            }
        }
    }
}
