package import HTTPTypes
public import NIOCore
package import NIOHTTP1

/// The limits on a request before it becomes a WebSocket, or is passed on as plain HTTP.
public struct HTTPLimits: Sendable {
    /// The time from the TCP connection, or the last refusal, to a complete request. Default: 10 s.
    public var handshakeTimeout: TimeAmount = .seconds(10)
    /// The time for which the client may take nothing of an answer, or of answers that wait. Beyond it the connection is
    /// ended. Default: 20 s.
    public var answerTimeout: TimeAmount = .seconds(20)
    /// The most bytes in the names and values of all headers together. Default: 16 KiB. Beyond it: 431.
    public var maximumHeaderSize: Int = 16 * 1024
    /// The most headers in one request. Default: 100. Beyond it: 431.
    public var maximumHeaderCount: Int = 100

    public init() {}

    package var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = self.maximumHeaderSize
        limits.maxHeaderListSize = self.maximumHeaderSize
        limits.maxHeaderFieldCount = self.maximumHeaderCount
        return limits
    }

    package func makeDecoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
        ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: self.decoderLimits))
    }

    /// Returns the answer to a request that the decoder could not read.
    package func refusal(of error: HTTPParserError) -> Refusal {
        guard error == .headerOverflow else {
            return Refusal(.badRequest, "not a valid HTTP/1.1 request: \(error)", mayStay: false)
        }
        return self.headersTooLarge
    }

    /// Returns the answer to a request of HTTP/2 that has more headers than are taken; `nil` if it has not.
    package func refusal(of request: HTTPRequest) -> Refusal? {
        var size = 0
        for field in request.headerFields { size += field.name.rawName.utf8.count + field.value.utf8.count }
        let isTooLarge = size > self.maximumHeaderSize || request.headerFields.count > self.maximumHeaderCount
        return isTooLarge ? self.headersTooLarge : nil
    }

    private var headersTooLarge: Refusal {
        Refusal(
            .requestHeaderFieldsTooLarge,
            "the headers are longer than \(self.maximumHeaderSize) bytes or more than \(self.maximumHeaderCount)",
            mayStay: false)
    }
}
