import HTTPTypes
import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("The framing of a body")
struct BodyFramingTests {
    private static func head(_ fields: [(String, String)], version: HTTPVersion = .http1_1) -> HTTPRequestHead {
        HTTPRequestHead(version: version, method: .POST, uri: "/", headers: HTTPHeaders([("Host", "a")] + fields))
    }

    private static func status(_ fields: [(String, String)], version: HTTPVersion = .http1_1) -> Int? {
        do throws(Refusal) {
            _ = try BodyFraming.of(Self.head(fields, version: version))
            return nil
        } catch {
            return error.status.code
        }
    }

    @Test(
        "a length is digits and nothing else, and none of it is no body",
        arguments: [
            ("0", BodyFraming.none), ("00", .none), ("5", .length(5)), ("005", .length(5)),
            ("9223372036854775807", .length(.max)),
        ])
    func lengths(value: String, expected: BodyFraming) throws {
        #expect(try BodyFraming.of(Self.head([("Content-Length", value)])) == expected)
        #expect(try BodyFraming.of(Self.head([("content-LENGTH", value)], version: .http1_0)) == expected)
    }

    @Test(
        "a malformed length is refused",
        arguments: [
            "", "+5", "-5", "-0", " 5", "5 ", "5\t", "5,5", "5, 5", "0x5", "5.0", "5e1", "٥", "５", "5\u{301}", "5\0",
            "five",
            "9223372036854775808", "99999999999999999999",
        ])
    func malformed(value: String) {
        #expect(Self.status([("Content-Length", value)]) == 400)
        #expect(BodyFraming.length(value) == nil)
    }

    @Test("two lengths are refused, different or not")
    func twoLengths() {
        #expect(Self.status([("Content-Length", "5"), ("Content-Length", "6")]) == 400)
        #expect(Self.status([("Content-Length", "5"), ("content-length", "5")]) == 400)
    }

    @Test("chunks are known by their name in any case", arguments: ["chunked", "Chunked", "CHUNKED", "cHuNkEd"])
    func chunked(value: String) throws {
        #expect(try BodyFraming.of(Self.head([("Transfer-Encoding", value)])) == .chunked)
    }

    @Test("without either header there is no body")
    func none() throws {
        #expect(try BodyFraming.of(Self.head([])) == BodyFraming.none)
        #expect(try BodyFraming.of(Self.head([("Content-Type", "5"), ("TE", "chunked")])) == BodyFraming.none)
    }

    @Test("chunks and a length contradict each other, whatever they say", arguments: ["chunked", "gzip, chunked", "x"])
    func both(coding: String) {
        #expect(Self.status([("Transfer-Encoding", coding), ("Content-Length", "5")]) == 400)
        #expect(Self.status([("Content-Length", "0"), ("transfer-encoding", coding)]) == 400)
        #expect(Self.status([("Content-Length", "nonsense"), ("transfer-encoding", coding)]) == 400)
    }

    @Test(
        "a coding that is not understood is not implemented",
        arguments: ["gzip, chunked", "x, chunked", "gzip,chunked"])
    func otherCodings(value: String) { #expect(Self.status([("Transfer-Encoding", value)]) == 501) }

    @Test(
        "what is not quite chunked is refused",
        arguments: [
            "", "chunked;q=1", "\"chunked\"", "xchunked", "chunkedx", "chunked ", "\tchunked", "chunked\u{301}",
        ])
    func notChunked(value: String) { #expect(Self.status([("Transfer-Encoding", value)]) != nil) }

    @Test("there are no chunks before HTTP/1.1")
    func tooOld() {
        #expect(Self.status([("Transfer-Encoding", "chunked")], version: .http1_0) == 400)
        #expect(Self.status([("Transfer-Encoding", "chunked")], version: .init(major: 0, minor: 9)) == 400)
        #expect(Self.status([("Transfer-Encoding", "chunked")], version: .init(major: 1, minor: 2)) == nil)
    }

    // RFC 9110, section 5.6.2: a token is ASCII. Unicode has the Kelvin sign in lower case as k.
    @Test("a name that Unicode alone takes for chunked is another")
    func kelvin() { #expect(Self.status([("Transfer-Encoding", "chun\u{212a}ed")]) != nil) }
}
