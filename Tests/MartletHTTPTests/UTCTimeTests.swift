import NIOCore
import Testing

@testable import MartletHTTP

@Suite("The Date header")
struct UTCTimeTests {
    @Test("is written as RFC 9110, section 5.6.7 writes it")
    func text() {
        #expect(UTCTime.http(784_111_777_000_000_000) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(UTCTime.http(951_782_400_000_000_000) == "Tue, 29 Feb 2000 00:00:00 GMT")
    }
}
