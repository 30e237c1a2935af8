/// The check that a client masks its frames and a server does not (RFC 6455, section 5.1).
@usableFromInline
enum MaskCheck {
    /// The violation of a frame that is masked when it must not be, or is not when it must be; `nil` for one that is right.
    ///
    /// - Parameter isMaskExpected: whether frames that this end receives must be masked: those of clients.
    @inlinable @inline(__always)
    static func violation(isMasked: Bool, isMaskExpected: Bool) -> ProtocolViolation? {
        guard isMasked != isMaskExpected else { return nil }
        return isMasked ? .maskedByServer : .unmaskedByClient
    }
}
