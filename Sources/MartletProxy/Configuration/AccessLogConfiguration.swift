/// A line a request, and a line a WebSocket when it has ended.
public struct AccessLogConfiguration: Sendable, Hashable {
    public enum Format: Sendable, Hashable {
        /// One object a line: see ``AccessLogEntry``.
        case json
        /// The combined format of Apache and nginx.
        case combined
    }

    /// A file, or `-` for standard output.
    public var file: String
    /// The format of the lines. Default: JSON.
    public var format: Format

    public init(file: String = "-", format: Format = .json) {
        self.file = file
        self.format = format
    }
}
