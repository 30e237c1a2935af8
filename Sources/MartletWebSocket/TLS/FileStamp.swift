import FoundationEssentials

/// The stamp of a file tells whether it is still the one that was read: where it really is, its time, size and number. `nil` when
/// it cannot be had.
package struct FileStamp: Sendable, Hashable {
    private let path: String
    private let time: Date?
    private let size: Int?
    private let number: Int?

    /// - Parameter path: links on it are followed: a new version often comes as another target of the same link.
    package init?(_ path: String) {
        self.path = URL(filePath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: self.path) else { return nil }
        self.time = attributes[.modificationDate] as? Date
        self.size = attributes[.size] as? Int
        self.number = attributes[.systemFileNumber] as? Int
    }
}
