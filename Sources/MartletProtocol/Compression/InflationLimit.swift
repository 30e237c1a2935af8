import NIOCore

/// The cap of a compressed message: it is inflated up to the limit of messages and never beyond, however small it is on
/// the wire.
struct InflationLimit {
    /// The most bytes that a message may have when it is inflated.
    let messageSize: Int

    /// The most compressed bytes in one message. Compression can make incompressible data a little longer.
    var compressedSize: Int {
        let (twice, overflow) = self.messageSize.multipliedReportingOverflow(by: 2)
        return overflow ? .max : max(twice, twice &+ 1024)
    }

    /// Tells whether a message that is as long as it may be goes on: one more byte is too much.
    ///
    /// - Parameter rest: the input that the inflater has not taken.
    /// - Returns: how much of the rest was taken, and the violation if there is one.
    func check(
        _ inflater: Inflater, beforeTaking rest: UnsafeRawBufferPointer
    ) -> (taken: Int, violation: ProtocolViolation?) {
        var excess = ByteBuffer()
        let (taken, status) = inflater.inflate(rest, into: &excess, maximumOutput: 1)
        if status == .corrupt { return (taken, .compressedDataCorrupt) }
        return (taken, excess.readableBytes == 0 ? nil : .messageTooBig(limit: self.messageSize))
    }
}
