import DequeModule

/// The last publications of one channel.
///
/// Invariant: the offsets of what is kept follow one another, and the last of them is ``lastOffset``.
struct ChannelStream {
    private struct Kept {
        let publication: Publication
        /// Its place among the publications of all channels.
        let place: AgeList.Place
    }

    /// The name, one text for all that is kept about the channel.
    let name: ChannelName
    let epoch: String
    /// The place among the channels without publications, while it is one.
    var emptyPlace: AgeList.Place?
    private(set) var lastOffset: UInt64 = 0
    /// The time of the last publication. Nanoseconds.
    private(set) var lastTime: Int64 = 0
    private var kept: Deque<Kept> = []

    init(_ name: ChannelName, epoch: String) {
        self.name = name
        self.epoch = epoch
    }

    var position: StreamPosition { StreamPosition(epoch: self.epoch, offset: self.lastOffset) }
    var isEmpty: Bool { self.kept.isEmpty }
    var count: Int { self.kept.count }

    /// - Parameter place: among the publications of all channels.
    mutating func append(_ data: String, _ receipt: ReceiptID, now: Int64, _ place: AgeList.Place) -> Publication {
        self.lastOffset += 1
        self.lastTime = now
        let position = self.position
        self.kept.append(Kept(publication: Publication(position: position, data: data, time: now), place: place))
        return Publication(position: position, data: data, time: now, receipt: receipt)
    }

    /// Removes the oldest publication, and returns it with its place.
    mutating func removeFirst() -> (Publication, AgeList.Place)? {
        self.kept.popFirst().map { ($0.publication, $0.place) }
    }

    /// - Parameters:
    ///   - position: `nil` for the position alone.
    ///   - oldest: the time before which publications have expired, although they may still be kept.
    func since(_ position: StreamPosition?, oldest: Int64) -> History {
        guard let position else { return History(publications: [], position: self.position, isComplete: true) }
        let fresh = self.kept.drop { $0.publication.time < oldest }.map(\.publication)
        guard position.epoch == self.epoch, position.offset <= self.lastOffset else {
            return History(publications: fresh, position: self.position, isComplete: false)
        }
        let missed = self.lastOffset - position.offset
        let publications = fresh.suffix(Int(clamping: missed))
        return History(
            publications: Array(publications), position: self.position,
            isComplete: UInt64(publications.count) == missed)
    }
}
