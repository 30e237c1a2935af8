/// The rates of publications of channels, from the offsets that were seen while somebody looked: nothing is counted for a
/// message. Pure: its time is what it is told.
///
/// Two earlier looks are kept, the older between one and two minutes old, so that a rate is one of about the last minute.
struct ChannelRates: Sendable {
    private struct Look: Sendable {
        let time: Duration
        var offsets: [Int: UInt64]
    }

    /// The age at which a look takes the place of the older one.
    private static let interval = Duration.seconds(60)
    /// The time without looks after which all is forgotten.
    private static let patience = Duration.seconds(180)

    private var older: Look?
    private var newer: Look?
    private var lastLook = Duration.zero

    /// Takes the offsets of now, and returns the publications a minute of each channel that was seen before.
    ///
    /// - Parameters:
    ///   - offsets: by the hash of the channel's name.
    ///   - time: of a clock that never goes back.
    mutating func rates(_ offsets: [Int: UInt64], at time: Duration) -> [Int: Double] {
        if time - self.lastLook > Self.patience {
            self.older = nil
            self.newer = nil
        }
        self.lastLook = time
        let look = Look(time: time, offsets: offsets)
        guard let older = self.older, let newer = self.newer else {
            self.older = look
            self.newer = look
            return [:]
        }
        let minutes = (time - older.time) / .seconds(60)
        var rates: [Int: Double] = [:]
        if minutes > 0 {
            for (channel, offset) in offsets {
                // A channel that began again counts from its new start; one that has come since then from now on.
                let known = older.offsets[channel] ?? newer.offsets[channel]
                if known == nil { self.newer?.offsets[channel] = offset }  // from here on
                let before = known ?? offset
                rates[channel] = Double(offset >= before ? offset - before : offset) / minutes
            }
        }
        if time - newer.time >= Self.interval {
            self.older = newer
            self.newer = look
        }
        return rates
    }
}
