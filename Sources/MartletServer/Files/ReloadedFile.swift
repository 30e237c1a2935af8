/// A file that is read again when it changes, and on SIGHUP.
public struct ReloadedFile: Sendable {
    public let path: String
    let reload: @Sendable () async throws -> Void

    /// - Parameter reload: reads it. When it throws, what was read before counts.
    public init(_ path: String, reload: @escaping @Sendable () async throws -> Void) {
        self.path = path
        self.reload = reload
    }
}
