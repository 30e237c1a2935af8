/// One message of the demo's feed.
struct CandleTick: Encodable {
    /// When it was published, in milliseconds since 1970.
    let at: Int
    /// Numbers follow one another.
    let tick: Int
    let candle: Candle
}
