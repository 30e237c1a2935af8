package import NIOCore
import NIOHTTP1

extension RequestEndpoint.Answer {
    /// Appends the answer in the format of HTTP/1.1.
    ///
    /// - Parameter date: the value of the header `Date`.
    package func write(keepsAlive: Bool, date: String, to bytes: inout ByteBuffer) {
        if self.status == .ok {
            bytes.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: ")
        } else {
            bytes.writeString("HTTP/1.1 \(self.status.code) \(self.status.reasonPhrase)\r\nContent-Type: ")
        }
        bytes.writeString(self.contentType)
        if let seconds = self.retryAfter { bytes.writeString("\r\nRetry-After: \(seconds)") }
        bytes.writeStaticString("\r\nContent-Length: ")
        bytes.writeString(String(self.body.utf8.count))
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeString(date)
        bytes.writeString(keepsAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        bytes.writeString(self.body)
    }
}
