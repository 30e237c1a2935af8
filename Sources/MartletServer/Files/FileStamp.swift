import FoundationEssentials

/// Tells whether a file is still the one that was read: its time, size and number. `nil` when it cannot be had.
struct FileStamp: Sendable, Hashable {
    private let time: Date?
    private let size: Int?
    private let number: Int?

    init?(_ path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
        self.time = attributes[.modificationDate] as? Date
        self.size = attributes[.size] as? Int
        self.number = attributes[.systemFileNumber] as? Int
    }
}
