import CMartletZlib

/// The format gzip (RFC 1952).
package enum Gzip {
    /// Returns the bytes compressed as well as zlib can. The same bytes give the same result.
    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        // zlib keeps the address of its stream, which therefore must not move.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 more than the bits of the window stand for gzip's header and checksum.
        let result = martlet_deflateInit(stream, 9, 15 + 16, 9)
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
}
