import Testing

@testable import MartletProtocol

@Suite("Closing")
struct CloseTests {
    @Test("the codes that may be sent are those of RFC 6455, section 7.4, and the IANA registry")
    func sendableCodes() {
        let allowed: [ClosedRange<UInt16>] = [1000...1003, 1007...1014, 3000...4999]
        for code in UInt16.min ... .max {
            #expect(CloseCode(code).isSendable == allowed.contains { $0.contains(code) }, "\(code)")
        }
    }

    @Test("a reason is cut at a character's border so that it fits")
    func longReason() throws {
        let frame = try #require(CloseFrame(code: .policyViolation, reason: String(repeating: "€", count: 60)))
        #expect(frame.reason.utf8.count == 123)
        #expect(frame.body.count == 125)
        #expect(CloseFrame.decode(frame.body) == .success(frame))
        let odd = try #require(CloseFrame(code: .policyViolation, reason: "a" + String(repeating: "€", count: 60)))
        #expect(odd.reason.utf8.count == 121)
    }

    @Test("a code that may not be sent makes no frame")
    func unsendable() { #expect(CloseFrame(code: .abnormalClosure) == nil) }

    @Test("the end that receives a close frame first answers with the same code, and later frames are ignored")
    func receivedFirst() throws {
        var handshake = CloseHandshake()
        let frame = try #require(CloseFrame(code: CloseCode(4001), reason: "why"))
        let reply = handshake.received(frame)
        let again = handshake.received(frame)
        let starts = handshake.start(frame)
        #expect(reply == .reply(try #require(CloseFrame(code: CloseCode(4001)))))
        #expect(handshake.isComplete)
        #expect(again == .ignore)
        #expect(!starts)
    }

    @Test("an empty close frame is answered with an empty one")
    func receivedEmpty() {
        var handshake = CloseHandshake()
        let reply = handshake.received(.empty)
        #expect(reply == .reply(.empty))
    }

    @Test("the end that began is finished when the answer comes, and begins only once")
    func startedHere() throws {
        var handshake = CloseHandshake()
        let frame = try #require(CloseFrame(code: .normalClosure))
        #expect(handshake.isOpen)
        let starts = [handshake.start(frame), handshake.start(frame)]
        #expect(starts == [true, false])
        #expect(!handshake.isOpen)
        #expect(!handshake.isComplete)
        let answer = handshake.received(.empty)
        #expect(answer == .finish)
        #expect(handshake.isComplete)
    }
}
