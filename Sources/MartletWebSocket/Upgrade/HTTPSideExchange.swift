import MartletHTTP
import NIOHTTP1

/// The request that the HTTP side is answering, as far as its framing concerns the connection: HTTP/1.0, and a client
/// that waits before it sends its body.
///
/// A framework that knows requests without their version answers as to HTTP/1.1. This puts it right (RFC 9112, section
/// 9.3; RFC 9110, section 10.1.1).
struct HTTPSideExchange {
    private let isHTTP10: Bool
    /// Whether the client asks to keep an HTTP/1.0 connection.
    private let isKeepAlive: Bool
    /// Whether the client waits for an interim answer before it sends its body.
    private(set) var awaitsContinue: Bool
    /// Whether the connection ends with the answer.
    private(set) var isLast = false

    init(_ head: HTTPRequestHead) {
        self.isHTTP10 = head.isHTTP10
        // RFC 9112, section 9.3: close takes precedence, in whichever of several fields it stands.
        let closes = head.headers.lists("close", in: "connection")
        self.isKeepAlive = !closes && head.headers.lists("keep-alive", in: "connection")
        self.isLast = closes
        self.awaitsContinue =
            !head.isHTTP10 && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
    }

    /// Notes that the body has come, or its end: the client did not wait.
    mutating func bodyCame() { self.awaitsContinue = false }

    /// Notes that the body is wanted.
    ///
    /// - Returns: whether to send the interim answer 100.
    mutating func wantsBody() -> Bool {
        defer { self.awaitsContinue = false }
        return self.awaitsContinue
    }

    /// Changes the head of the answer for what the client understands.
    mutating func answer(_ head: inout HTTPResponseHead) {
        guard head.status.code >= 200 else { return }
        if self.awaitsContinue {
            // The client may send its body all the same, or not: nothing behind it can be told apart.
            self.awaitsContinue = false
            self.isLast = true
        }
        if self.isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
        guard self.isHTTP10 else { return }
        let hasLength = head.headers.contains(name: "content-length") || !head.status.mayHaveResponseBody
        if self.isKeepAlive, hasLength, !self.isLast {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        } else {
            self.isLast = true
            head.headers.replaceOrAdd(name: "connection", value: "close")
            // There are no chunks in HTTP/1.0: the body ends with the connection.
            if !hasLength { head.version = .http1_0 }
        }
    }
}
