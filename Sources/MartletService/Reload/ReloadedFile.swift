package import MartletWebSocket

/// A file that is read again when it changes, and on SIGHUP.
public struct ReloadedFile: Sendable {
    public let path: String
    package let reload: @Sendable () async throws -> Void
    /// The stamp of the file when it was last read, as far as it is known.
    package let stamp: FileStamp?

    /// Describes a file that has just been read.
    ///
    /// - Parameter reload: reads it again. When it throws, the previous contents stay in use.
    public init(_ path: String, reload: @escaping @Sendable () async throws -> Void) {
        self.init(path, stamp: FileStamp(path), reload: reload)
    }

    package init(_ path: String, stamp: FileStamp?, reload: @escaping @Sendable () async throws -> Void) {
        self.path = path
        self.stamp = stamp
        self.reload = reload
    }
}
