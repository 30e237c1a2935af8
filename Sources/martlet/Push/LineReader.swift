import Foundation

private let systemRead = read(_:_:_:)

/// The lines of a file, one after the other, as soon as each is there.
struct LineReader {
    private static let chunkSize = 64 * 1024

    private let handle: FileHandle
    private var buffer: [UInt8] = []
    /// The number of bytes of ``buffer`` that have been given out.
    private var start = 0
    private var isAtEnd = false
    /// The number of bytes that have been given out, line ends included.
    private(set) var byteCount = 0
    /// The size of the file in bytes; `nil` for anything but a regular file.
    let size: Int?

    /// - Parameter name: `-` is standard input.
    init(_ name: String) throws {
        self.handle =
            name == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(filePath: name))
        var status = stat()
        let isFile = fstat(self.handle.fileDescriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        self.size = isFile ? Int(status.st_size) : nil
    }

    /// - Returns: a line without its end (LF or CR LF); `nil` behind the last.
    mutating func next() throws -> ArraySlice<UInt8>? {
        var searched = self.start
        while true {
            if let end = self.buffer[searched...].firstIndex(of: 0x0A) {
                return self.take(to: end, next: end + 1)
            }
            searched = self.buffer.count
            guard !self.isAtEnd else {
                return self.start < self.buffer.count ? self.take(to: self.buffer.count, next: self.buffer.count) : nil
            }
            searched -= self.start
            self.buffer.removeFirst(self.start)
            self.start = 0
            // Reads what is there, without waiting for a whole chunk: more may come much later.
            let chunk = try self.handle.readOnce(upTo: Self.chunkSize)
            self.isAtEnd = chunk.isEmpty
            self.buffer += chunk
        }
    }

    private mutating func take(to end: Int, next: Int) -> ArraySlice<UInt8> {
        var line = self.buffer[self.start..<end]
        if line.last == 0x0D { line.removeLast() }
        self.byteCount += next - self.start
        self.start = next
        return line
    }
}

extension FileHandle {
    /// - Returns: what one call of the system gives; nothing at the end.
    fileprivate func readOnce(upTo count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while true {
                let result = systemRead(self.fileDescriptor, buffer.baseAddress, count)
                if result >= 0 {
                    initialized = result
                    return
                }
                guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            }
        }
    }
}
