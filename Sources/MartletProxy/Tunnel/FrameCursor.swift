import MartletProtocol

/// The state of one direction of a tunnel within its frames (RFC 6455, section 5.2): it skips payloads and reads
/// headers only, so that passing bytes on stays cheap, and knows at which byte a frame of ours may be put in.
///
/// A header is passed on whole or not at all; the caller keeps an incomplete one.
struct FrameCursor: Sendable {
    /// The reason why the next frame may not be passed on.
    enum Stop: Sendable, Hashable {
        case violation(ProtocolViolation)
        case messageTooBig
        case tooManyMessages
    }

    /// The role of the receiver of these frames: a server for those of the client.
    private let role: Role
    private let allowsCompression: Bool
    /// Bytes of the current frame's payload that are still to come.
    private var remaining = 0
    /// Payload of the message so far, in bytes.
    private var messageLength = 0
    /// The close code that is being read: how many of its bytes have come, their value so far, and the masking key.
    private var partialCloseCode: (count: UInt32, value: UInt16, key: UInt32)?
    /// Whether the bytes cannot be frames; from then on they are passed on unseen.
    private(set) var isLost = false
    /// The number of whole messages, counted when their last frame begins.
    private(set) var messages = 0
    private(set) var closeCode: UInt16?
    /// Whether a close frame went by.
    private(set) var hasClosed = false

    init(role: Role, allowsCompression: Bool) {
        self.role = role
        self.allowsCompression = allowsCompression
    }

    /// Whether the next byte that may be passed on begins a frame.
    var isAtBoundary: Bool { self.remaining == 0 && !self.isLost }

    /// Walks over bytes that are to be passed on.
    ///
    /// - Parameters:
    ///   - maximumMessageSize: the longest message that is let through, in bytes.
    ///   - stopsAtBoundary: whether to go no further than the end of the frame that has begun.
    ///   - admit: called at the first frame of each message, if it is set.
    /// - Returns: how many bytes may be passed on, and what stands in the way of the rest; when nothing does, the rest
    ///   is the beginning of a header, at most 13 bytes.
    mutating func advance(
        over bytes: UnsafeRawBufferPointer, maximumMessageSize: Int = .max, stopsAtBoundary: Bool = false,
        admit: (() -> Bool)? = nil
    ) -> (passed: Int, stop: Stop?) {
        guard !self.isLost else { return (bytes.count, nil) }
        var position = 0
        let count = bytes.count
        while true {
            if self.remaining > 0 {
                let length = min(self.remaining, count &- position)
                if self.partialCloseCode != nil { self.readCloseCode(bytes[position..<position &+ length]) }
                self.remaining &-= length
                position &+= length
            }
            guard position < count, !stopsAtBoundary else { return (position, nil) }
            if admit == nil { position = self.skipShortMessages(in: bytes, from: position, maximumMessageSize) }
            guard position < count else { return (position, nil) }
            switch FrameHeader.decode(
                UnsafeRawBufferPointer(rebasing: bytes[position...]), role: self.role,
                allowsCompression: self.allowsCompression)
            {
            case .needMoreData:
                return (position, nil)
            case .violation(let violation):
                self.isLost = true
                return (position, .violation(violation))
            case .header(let header, let length):
                if let stop = self.begin(header, maximumMessageSize, admit) { return (position, stop) }
                position &+= length
            }
        }
    }

    /// Skips most of what goes through a tunnel: whole messages of one frame and less than 126 bytes, one after the
    /// other.
    ///
    /// - Returns: the index at which something else begins.
    @inline(__always)
    private mutating func skipShortMessages(
        in bytes: UnsafeRawBufferPointer, from start: Int, _ maximumMessageSize: Int
    ) -> Int {
        let maskBit: UInt8 = self.role == .server ? 0x80 : 0
        let headerLength = self.role == .server ? 6 : 2
        let longest = min(125, maximumMessageSize &- self.messageLength)
        var position = start
        while bytes.count &- position >= headerLength {
            let length = Int(bytes[position &+ 1] ^ maskBit)  // beyond 125 when it is longer, or wrongly masked
            let end = position &+ headerLength &+ length
            guard bytes[position] == 0x81 || bytes[position] == 0x82, length <= longest, end <= bytes.count else {
                break
            }
            position = end
            self.messages &+= 1
            self.messageLength = 0
        }
        return position
    }

    private mutating func begin(_ header: FrameHeader, _ maximumMessageSize: Int, _ admit: (() -> Bool)?) -> Stop? {
        if !header.opcode.isControl {
            if header.opcode != .continuation, let admit, !admit() { return .tooManyMessages }
            let (length, overflow) = self.messageLength.addingReportingOverflow(header.payloadLength)
            if overflow || length > maximumMessageSize { return .messageTooBig }
            self.messageLength = header.isFinal ? 0 : length
            if header.isFinal { self.messages &+= 1 }
        } else if header.opcode == .close {
            self.hasClosed = true
            if header.payloadLength >= 2, self.closeCode == nil {
                self.partialCloseCode = (0, 0, header.maskingKey ?? 0)
            }
        }
        self.remaining = header.payloadLength
        return nil
    }

    private mutating func readCloseCode(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard var partial = self.partialCloseCode else { return }
        for byte in bytes {
            let key = UInt8(truncatingIfNeeded: partial.key >> (8 * partial.count))
            partial.value = partial.value << 8 | UInt16(byte ^ key)
            partial.count += 1
            if partial.count == 2 {
                self.closeCode = partial.value
                self.partialCloseCode = nil
                return
            }
        }
        self.partialCloseCode = partial
    }
}
