import Crypto
import FoundationEssentials

/// `Sec-WebSocket-Key` and the `Sec-WebSocket-Accept` that answers it (RFC 6455, section 4.2.2).
public struct HandshakeKey: Sendable, Hashable {
    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The base64 text of 16 bytes, as it appears in the header.
    public let value: String

    /// - Returns: `nil` unless the text is the base64 form of exactly 16 bytes.
    public init?(_ value: String) {
        guard value.utf8.count == 24, let bytes = Data(base64Encoded: value), bytes.count == 16 else { return nil }
        self.value = value
    }

    /// Returns a new random key, for a client.
    public static func random() -> HandshakeKey {
        let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        return HandshakeKey(unchecked: Data(bytes).base64EncodedString())
    }

    private init(unchecked value: String) { self.value = value }

    /// The server's answer to the key: the base64 of the SHA-1 of the key and a fixed GUID.
    public var accept: String {
        var text = self.value + Self.guid
        let digest = text.withUTF8 { bytes in
            var hash = Insecure.SHA1()
            hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
            return hash.finalize()
        }
        return digest.withUnsafeBytes { Data($0).base64EncodedString() }
    }
}
