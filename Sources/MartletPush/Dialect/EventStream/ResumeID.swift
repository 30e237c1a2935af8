/// The position of a client of the event-stream dialect in each of its channels. The client names it when it resumes.
///
/// As text, which is opaque to clients: for each channel the event's name (percent-encoded except letters, digits, `-`
/// and `_`), `~` and the position, with commas between channels.
struct ResumeID: Hashable, CustomStringConvertible {
    /// The longest id that is accepted. Bytes.
    static let maximumLength = 16 * 1024

    private(set) var positions: [(event: String, position: StreamPosition)]

    init(_ positions: [(event: String, position: StreamPosition)]) { self.positions = positions }

    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        self.positions = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let mark = part.lastIndex(of: "~"), let event = EventNameCoding.decode(part[..<mark]),
                let position = StreamPosition(part[part.index(after: mark)...])
            else { return nil }
            self.positions.append((event, position))
        }
    }

    subscript(_ event: String) -> StreamPosition? {
        self.positions.first { $0.event.hasSameBytes(as: event) }?.position
    }

    var description: String {
        self.positions.map { "\(EventNameCoding.encode($0.event))~\($0.position)" }.joined(separator: ",")
    }

    static func == (left: Self, right: Self) -> Bool { left.description == right.description }
    func hash(into hasher: inout Hasher) { hasher.combine(self.description) }
}
