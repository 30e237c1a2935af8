import DequeModule

/// The last publications of one channel.
///
/// Invariant: the offsets of what is kept follow one another, and the last of them is ``lastOffset``.
struct ChannelStream {
    let epoch: String
    private(set) var lastOffset: UInt64 = 0
    /// The time of the last publication. Nanoseconds.
    private(set) var lastTime: Int64 = 0
    private var kept: Deque<Publication> = []

    init(epoch: String) { self.epoch = epoch }

    var position: StreamPosition { StreamPosition(epoch: self.epoch, offset: self.lastOffset) }
    var isEmpty: Bool { self.kept.isEmpty }
    var count: Int { self.kept.count }
    var firstTime: Int64? { self.kept.first?.time }

    /// - Returns: the publication, and how many are kept.
    mutating func append(_ data: String, _ receipt: ReceiptID, now: Int64) -> (Publication, count: Int) {
        self.lastOffset += 1
        self.lastTime = now
        self.kept.append(Publication(position: self.position, data: data, time: now))
        return (Publication(position: self.position, data: data, time: now, receipt: receipt), self.kept.count)
    }

    /// Removes the oldest publication, and returns it.
    mutating func removeFirst() -> Publication? { self.kept.popFirst() }

    /// - Parameters:
    ///   - position: `nil` for the position alone.
    ///   - oldest: the time before which publications have expired, although they may still be kept.
    func since(_ position: StreamPosition?, oldest: Int64) -> History {
        guard let position else { return History(publications: [], position: self.position, isComplete: true) }
        let fresh = self.kept.drop { $0.time < oldest }
        guard position.epoch == self.epoch, position.offset <= self.lastOffset else {
            return History(publications: Array(fresh), position: self.position, isComplete: false)
        }
        let missed = self.lastOffset - position.offset
        let publications = fresh.suffix(Int(clamping: missed))
        return History(
            publications: Array(publications), position: self.position,
            isComplete: UInt64(publications.count) == missed)
    }
}
