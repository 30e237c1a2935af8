extension FrameHeader {
    /// Writes the header and returns how many bytes it took.
    ///
    /// - Parameter destination: at least ``encodedLength`` writable bytes.
    @inlinable
    @discardableResult
    public func encode(to destination: UnsafeMutableRawBufferPointer) -> Int {
        let base = destination.baseAddress!
        precondition(destination.count >= self.encodedLength)
        let maskBit: UInt8 = self.maskingKey == nil ? 0 : 0x80
        base.storeBytes(
            of: (self.isFinal ? 0x80 : 0) | (self.isCompressed ? 0x40 : 0) | self.opcode.rawValue, as: UInt8.self)
        var length = 2
        if self.payloadLength < 126 {
            base.storeBytes(of: maskBit | UInt8(self.payloadLength), toByteOffset: 1, as: UInt8.self)
        } else if self.payloadLength < 65_536 {
            base.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            base.storeBytes(of: UInt16(self.payloadLength).bigEndian, toByteOffset: 2, as: UInt16.self)
            length = 4
        } else {
            base.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            base.storeBytes(of: UInt64(self.payloadLength).bigEndian, toByteOffset: 2, as: UInt64.self)
            length = 10
        }
        if let maskingKey = self.maskingKey {
            base.storeBytes(of: maskingKey, toByteOffset: length, as: UInt32.self)
            length &+= 4
        }
        return length
    }
}
