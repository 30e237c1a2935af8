/// Channels by the times at which something of theirs is to be looked at, the oldest first. An entry can be removed
/// wherever it stands, so that there is none for what has gone; the places of removed ones are used again.
struct AgeList {
    /// The place of an entry.
    typealias Place = Int32

    private static let none: Place = -1
    /// The number of places that an empty list keeps.
    private static let smallSize = 64

    private struct Entry {
        var channel: ChannelName
        var time: Int64
        var previous: Place
        var next: Place
    }

    private var entries: [Entry] = []
    private var first = AgeList.none
    private var last = AgeList.none
    private var free = AgeList.none
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// The number of places that there are, taken or free.
    var placeCount: Int { self.entries.count }

    /// The oldest entry.
    var oldest: (channel: ChannelName, time: Int64)? {
        self.first == Self.none
            ? nil : (self.entries[Int(self.first)].channel, self.entries[Int(self.first)].time)
    }

    /// Adds an entry that is no older than the others.
    mutating func append(_ channel: ChannelName, _ time: Int64) -> Place {
        let entry = Entry(channel: channel, time: time, previous: self.last, next: Self.none)
        let place: Place
        if self.free != Self.none {
            place = self.free
            self.free = self.entries[Int(place)].next
            self.entries[Int(place)] = entry
        } else {
            place = Place(self.entries.count)
            self.entries.append(entry)
        }
        if self.last == Self.none { self.first = place } else { self.entries[Int(self.last)].next = place }
        self.last = place
        self.count += 1
        return place
    }

    mutating func remove(_ place: Place) {
        let entry = self.entries[Int(place)]
        if entry.previous == Self.none {
            self.first = entry.next
        } else {
            self.entries[Int(entry.previous)].next = entry.next
        }
        if entry.next == Self.none {
            self.last = entry.previous
        } else {
            self.entries[Int(entry.next)].previous = entry.previous
        }
        self.count -= 1
        // An array never shrinks by itself. A small one stays: a list may become empty with each publication.
        guard self.count > 0 || self.entries.count <= Self.smallSize else {
            self = AgeList()
            return
        }
        self.entries[Int(place)] = Entry(channel: ChannelName(""), time: 0, previous: Self.none, next: self.free)
        self.free = place
    }
}
