import NIOCore
import Testing

@testable import MartletWebSocket

@Suite("The Date header")
struct AnswerDateTests {
    @Test("is written as RFC 9110, section 5.6.7 writes it")
    func text() {
        #expect(AnswerDate.text(of: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(AnswerDate.text(of: 951_782_400) == "Tue, 29 Feb 2000 00:00:00 GMT")
    }
}
