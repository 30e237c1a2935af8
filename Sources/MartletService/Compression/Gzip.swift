import CMartletZlib
package import NIOCore

/// Whole bodies in gzip (RFC 1952), with the system's zlib.
package enum Gzip {
    package enum Failure: Error, Sendable, Hashable {
        /// There is more than the limit allows.
        case tooLong
        case corrupt
    }

    /// The window of 32 KiB, and 16 for a header and a checksum of gzip's.
    private static let windowBits: CInt = 15 + 16
    private static let step = 64 * 1024

    /// Inflates a body: one member of gzip, and nothing behind it.
    ///
    /// - Parameter limit: bytes; no more memory is taken.
    package static func inflate(_ bytes: ByteBuffer, limit: Int) -> Result<ByteBuffer, Failure> {
        var stream = z_stream()
        guard martlet_inflateInit(&stream, Self.windowBits) == Z_OK else { return .failure(.corrupt) }
        defer { inflateEnd(&stream) }
        var output = ByteBuffer()
        return bytes.withUnsafeReadableBytes { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(clamping: input.count)
            while true {
                // One byte more than the limit shows that there is more.
                let room = min(Self.step, limit + 1 - output.readableBytes)
                guard room > 0 else { return .failure(.tooLong) }
                let result = Self.write(room, to: &output, &stream) { CMartletZlib.inflate(&$0, Z_NO_FLUSH) }
                guard output.readableBytes <= limit else { return .failure(.tooLong) }
                if result == Z_STREAM_END { return stream.avail_in == 0 ? .success(output) : .failure(.corrupt) }
                guard result == Z_OK, stream.avail_in > 0 || stream.avail_out == 0 else { return .failure(.corrupt) }
            }
        }
    }

    /// Compresses a body.
    ///
    /// - Parameter level: 1 to 9.
    package static func deflate(_ bytes: ByteBuffer, level: Int) -> ByteBuffer {
        var stream = z_stream()
        let result = martlet_deflateInit(&stream, CInt(level), Self.windowBits, 8)
        precondition(result == Z_OK, "zlib has no memory for a compressor, or the level is out of range: \(result)")
        defer { deflateEnd(&stream) }
        var output = ByteBuffer()
        bytes.withUnsafeReadableBytes { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(clamping: input.count)
            while Self.write(Self.step, to: &output, &stream, { CMartletZlib.deflate(&$0, Z_FINISH) }) != Z_STREAM_END {}
        }
        return output
    }

    private static func write(
        _ room: Int, to output: inout ByteBuffer, _ stream: inout z_stream, _ work: (inout z_stream) -> CInt
    ) -> CInt {
        var result = Z_OK
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
            stream.next_out = bytes.bindMemory(to: UInt8.self).baseAddress
            stream.avail_out = UInt32(room)
            result = work(&stream)
            return room - Int(stream.avail_out)
        }
        return result
    }
}
