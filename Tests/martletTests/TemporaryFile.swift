import Foundation

/// A file for a test, deleted together with this object.
final class TemporaryFile {
    let path: String

    init(_ bytes: some Sequence<UInt8>) throws {
        self.path = "/tmp/martlet-test-\(UInt64.random(in: 0 ... .max))"
        try Data(bytes).write(to: URL(filePath: self.path))
    }

    convenience init(_ text: String) throws { try self.init(text.utf8) }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    /// Appends a text to the file.
    func append(_ text: String) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: self.path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }
}
