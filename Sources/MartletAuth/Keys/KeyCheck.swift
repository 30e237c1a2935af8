/// The outcome of looking at the API keys that a request shows.
package enum KeyCheck: Sendable, Hashable {
    /// It shows none.
    case missing
    case wrong
    /// Its address has shown wrong keys too often.
    case tooMany(seconds: Int)
    /// The name of the key.
    case right(String)
}
