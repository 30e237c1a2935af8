import FoundationEssentials

/// The stamp of a file shows whether it is still the one that was read: its real path, its time, size and number. It is
/// `nil` if they cannot be read.
package struct FileStamp: Sendable, Hashable {
    private let path: String
    private let time: Date?
    private let size: Int?
    private let number: Int?

    /// - Parameter path: the path; links on it are followed, since a new version often comes as another target of the
    ///   same link.
    package init?(_ path: String) {
        self.path = URL(filePath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: self.path) else { return nil }
        self.time = attributes[.modificationDate] as? Date
        self.size = attributes[.size] as? Int
        self.number = attributes[.systemFileNumber] as? Int
    }
}
