/// One message of the demo's feed.
struct CandleTick: Encodable {
    /// The time of publishing, in milliseconds since 1970.
    let at: Int
    /// The number of the message; numbers follow one another.
    let tick: Int
    let candle: Candle
}
