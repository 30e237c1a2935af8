package import NIOCore

/// The `Date` header of answers, made once a second for each event loop.
package struct AnswerDate {
    private var text = ""
    private var validUntil = NIODeadline.uptimeNanoseconds(0)

    package init() {}

    /// - Parameter now: the time of the event loop.
    package mutating func text(_ now: NIODeadline) -> String {
        if now >= self.validUntil {
            self.validUntil = now + .seconds(1)
            self.text = UTCTime.http(UTCTime.now())
        }
        return self.text
    }
}
