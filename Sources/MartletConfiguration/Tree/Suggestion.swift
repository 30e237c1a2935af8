/// Finds the name that was probably meant.
enum Suggestion {
    /// The key that was meant by one that is not known.
    ///
    /// - Parameters:
    ///   - path: the unknown key, dotted.
    ///   - siblings: the keys that may stand in its place, dotted, sections too.
    ///   - all: all keys there are, dotted, in their order.
    static func key(for path: String, siblings: [String], all: [String]) -> String? {
        let (wanted, last) = (Self.letters(path), Self.letters(Self.last(path)))
        func sibling(_ isMeant: ([UInt8]) -> Bool) -> String? {
            siblings.first { isMeant(Self.letters(Self.last($0))) }
        }
        // The same key in another notation; then one beside it; then one that has its name elsewhere, if only one has.
        return all.first { Self.letters($0) == wanted } ?? sibling { $0 == last }
            ?? sibling { last.count >= 3 && ($0.starts(with: last) || $0.count >= 3 && last.starts(with: $0)) }
            ?? Self.nearest(to: last, in: siblings.map { (Self.letters(Self.last($0)), $0) })
            ?? Self.only(all.filter { last.count >= 4 && Self.letters(Self.last($0)) == last })
            ?? Self.beginning(with: wanted, in: all)
    }

    /// Whether two names have the same letters, in whatever notation.
    static func areSame(_ one: String, _ other: String) -> Bool { Self.letters(one) == Self.letters(other) }

    /// The name that was meant by one that is not known.
    static func name(for name: String, in known: [String]) -> String? {
        let wanted = Self.letters(name)
        return known.first { Self.letters($0) == wanted } ?? Self.beginning(with: wanted, in: known)
            ?? Self.only(
                known.filter { wanted.count >= 5 && Self.letters($0).suffix(wanted.count).elementsEqual(wanted) })
            ?? Self.nearest(to: wanted, in: known.map { (Self.letters($0), $0) })
    }

    private static func last(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }

    private static func only(_ names: [String]) -> String? { names.count == 1 ? names[0] : nil }

    /// The shortest name that begins with what was written: `tls.certificate` for `tlsCert`.
    private static func beginning(with wanted: [UInt8], in known: [String]) -> String? {
        guard wanted.count >= 4 else { return nil }
        return known.filter { Self.letters($0).starts(with: wanted) }.min { $0.utf8.count < $1.utf8.count }
    }

    /// The name with the fewest letters different; `nil` when none is near.
    private static func nearest(to wanted: [UInt8], in known: [(letters: [UInt8], name: String)]) -> String? {
        let limit =
            switch wanted.count {
            case ..<4: 0
            case ..<9: 1
            case ..<14: 2
            default: 3
            }
        let distances = known.map { (name: $0.name, distance: Self.distance(wanted, $0.letters, limit: limit)) }
        return distances.filter { $0.distance <= limit }.min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    /// The letters and digits of a name in lower case, a hundred at most.
    private static func letters(_ name: String) -> [UInt8] {
        name.utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") }
            .prefix(100).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// The number of letters that are to be added, removed, changed or swapped with the next (optimal string alignment);
    /// any number above the limit is as good as another.
    private static func distance(_ one: [UInt8], _ other: [UInt8], limit: Int) -> Int {
        guard abs(one.count - other.count) <= limit else { return limit + 1 }
        var rows = [Array(0...other.count)]
        for row in 1...max(1, one.count) where row <= one.count {
            var distances = [row]
            for column in 1...max(1, other.count) where column <= other.count {
                let isSame = one[row - 1] == other[column - 1]
                var least = min(
                    rows[row - 1][column] + 1, distances[column - 1] + 1, rows[row - 1][column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, one[row - 1] == other[column - 2], one[row - 2] == other[column - 1] {
                    least = min(least, rows[row - 2][column - 2] + 1)
                }
                distances.append(least)
            }
            rows.append(distances)
        }
        return rows[one.count][other.count]
    }
}
