import MartletHTTP
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

/// The tests of ``DecoderStop`` ask NIO's decoder itself, with a second message after the first one.
@Suite("Where NIO's decoder stops")
struct DecoderStopTests {
    enum Outcome: String, CustomTestStringConvertible {
        /// The head of the second message comes out.
        case goesOn = "goes on"
        /// Nothing comes out, and the bytes after the first message are given back.
        case stops
        /// The head of the first message comes out, and what follows it is an error.
        case fails
        /// The first message does not come out.
        case refuses

        var testDescription: String { self.rawValue }
    }

    struct Case: CustomTestStringConvertible {
        let line: String
        let fields: String
        let body: String
        let outcome: Outcome

        init(_ fields: String, _ outcome: Outcome) { self.init("GET / HTTP/1.1", fields, outcome) }

        init(_ line: String, _ fields: String, body: String = "", _ outcome: Outcome) {
            self.line = line
            self.fields = fields
            self.body = body
            self.outcome = outcome
        }

        /// Each line of `fields` ends with a line feed, for which CR LF is sent.
        var bytes: [UInt8] {
            Array(self.line.utf8) + Array("\r\n".utf8)
                + self.fields.utf8.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] } + Array("\r\n\(self.body)".utf8)
        }

        var testDescription: String { "\(self.line) | \(self.fields.debugDescription) | \(self.body.debugDescription)" }
    }

    /// The output of a decoder for a message and what follows it.
    private struct Answer<Head> {
        var heads: [Head] = []
        var error: (any Error)?
        /// The bytes that the decoder gives back when it is removed.
        var leftovers = ByteBuffer()
    }

    private static let secondRequest = Array("GET /second HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    private static let secondAnswer = Array("HTTP/1.1 299 Second\r\nContent-Length: 0\r\n\r\n".utf8)

    private static func feed(_ pieces: [ArraySlice<UInt8>], to channel: EmbeddedChannel) -> (any Error)? {
        var first: (any Error)?
        for piece in pieces {
            do { try channel.writeInbound(ByteBuffer(bytes: piece)) } catch { first = first ?? error }
        }
        return first
    }

    private static func decodeRequests(_ pieces: [ArraySlice<UInt8>]) throws -> Answer<HTTPRequestHead> {
        let channel = EmbeddedChannel()
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        try channel.pipeline.syncOperations.addHandler(decoder)
        var answer = Answer<HTTPRequestHead>()
        answer.error = Self.feed(pieces, to: channel)
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head(let head) = part { answer.heads.append(head) }
        }
        channel.pipeline.syncOperations.removeHandler(decoder, promise: nil)
        channel.embeddedEventLoop.run()
        while var bytes = try channel.readInbound(as: ByteBuffer.self) { answer.leftovers.writeBuffer(&bytes) }
        return answer
    }

    private static func decodeAnswers(
        _ pieces: [ArraySlice<UInt8>], to method: HTTPMethod
    ) throws -> Answer<HTTPResponseHead> {
        let channel = EmbeddedChannel()
        let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
        try channel.pipeline.syncOperations.addHandler(decoder)
        for method in [method, .GET] {
            try channel.writeOutbound(HTTPClientRequestPart.head(.init(version: .http1_1, method: method, uri: "/")))
        }
        var answer = Answer<HTTPResponseHead>()
        answer.error = Self.feed(pieces, to: channel)
        while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
            if case .head(let head) = part { answer.heads.append(head) }
        }
        channel.pipeline.syncOperations.removeHandler(decoder, promise: nil)
        channel.embeddedEventLoop.run()
        while var bytes = try channel.readInbound(as: ByteBuffer.self) { answer.leftovers.writeBuffer(&bytes) }
        return answer
    }

    /// - Parameter isLast: whether a head is that of the second message.
    private static func outcome<Head>(
        of answer: Answer<Head>, behind second: [UInt8], isLast: (Head) -> Bool
    ) -> Outcome {
        switch (answer.heads.count, answer.error) {
        case (2, nil) where isLast(answer.heads[1]): .goesOn
        case (1, nil) where answer.leftovers.readableBytesView.suffix(second.count).elementsEqual(second): .stops
        case (1, _?): .fails
        default: .refuses
        }
    }

    /// The ways in which a network may cut bytes; never none, since after some responses the decoder waits for more.
    private static func cuts(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
        [[bytes.dropLast(), bytes.suffix(1)], bytes.indices.map { bytes[$0...$0] }]
    }

    // MARK: Requests

    private static let upgrades: [Case] = [
        // How `Connection` is read
        .init("Connection: upgrade\nUpgrade: x\n", .stops),
        .init("Connection: Upgrade\nUpgrade: websocket\n", .stops),
        .init("CONNECTION: UPGRADE\nUPGRADE: X\n", .stops),
        .init("connection:uPGRADe\nupgrade:x\n", .stops),
        .init("Upgrade: x\nConnection: upgrade\n", .stops),
        .init("Connection: keep-alive, Upgrade\nUpgrade: x\n", .stops),
        .init("Connection: Upgrade, keep-alive\nUpgrade: x\n", .stops),
        .init("Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n", .stops),
        .init("Connection: upgrade,upgrade\nUpgrade: x\n", .stops),
        .init("Connection: a,b,c,upgrade,d\nUpgrade: x\n", .stops),
        .init("Connection: , ,upgrade\nUpgrade: x\n", .stops),
        .init("Connection: upgrade,\nUpgrade: x\n", .stops),
        .init("Connection: upgrade ,,\nUpgrade: x\n", .stops),
        .init("Connection: keep-alive\nConnection: upgrade\nUpgrade: x\n", .stops),
        .init("Connection: upgrade\nConnection: keep-alive\nUpgrade: x\n", .stops),
        .init("Connection: upgrade\nConnection:\nUpgrade: x\n", .stops),
        .init("Connection: up\nConnection: grade\nUpgrade: x\n", .goesOn),
        .init("Connection:\nUpgrade: x\n", .goesOn),
        .init("Connection: ,\nUpgrade: x\n", .goesOn),
        .init("Connection: keep-alive\nUpgrade: x\n", .goesOn),
        .init("Connection: up,upgrade\nUpgrade: x\n", .stops),
        .init("Connection: c,k,u,upgrade\nUpgrade: x\n", .stops),
        // Spaces and tabs
        .init("Connection:    upgrade   \nUpgrade: x\n", .stops),
        .init("Connection:\t\tupgrade\nUpgrade: x\n", .stops),
        .init("Connection: a,\tupgrade\nUpgrade: x\n", .stops),
        .init("Connection: a, \t upgrade \nUpgrade: x\n", .stops),
        .init("Connection: upgrade\t\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrade \t\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrade\t, close\nUpgrade: x\n", .fails),
        .init("Connection: upgrade\t,upgrade\nUpgrade: x\n", .stops),
        .init("Connection: upgrade ,\t\nUpgrade: x\n", .stops),
        .init("Connection: up grade\nUpgrade: x\n", .goesOn),
        // Near misses
        .init("Connection: upgraded\nUpgrade: x\n", .goesOn),
        .init("Connection: xupgrade\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrad\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrade;q=1\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrade ;q=1\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrade upgrade\nUpgrade: x\n", .goesOn),
        .init("Connection: \"upgrade\"\nUpgrade: x\n", .goesOn),
        .init("Connection: \"a,upgrade\"\nUpgrade: x\n", .goesOn),
        .init("Connection: \"a,upgrade,b\"\nUpgrade: x\n", .stops),
        .init("Connection: upgrade=1, upgraded\nUpgrade: x\n", .goesOn),
        .init("Connection: upgraded, upgrade\nUpgrade: x\n", .stops),
        .init("Connection: upgrade\u{E9}\nUpgrade: x\n", .goesOn),
        .init("Connection: \u{E9},upgrade\nUpgrade: x\n", .stops),
        .init("Connection: upgrade,\u{301}\nUpgrade: x\n", .stops),
        .init("Connection: a,\u{301}upgrade\nUpgrade: x\n", .goesOn),
        // Names
        .init("Proxy-Connection: upgrade\nUpgrade: x\n", .stops),
        .init("PROXY-CONNECTION: a, Upgrade\nUpgrade: x\n", .stops),
        .init("Proxy-Connection: keep-alive\nConnection: upgrade\nUpgrade: x\n", .stops),
        .init("Proxy-Connection: upgrade\t\nUpgrade: x\n", .goesOn),
        .init("Connections: upgrade\nUpgrade: x\n", .goesOn),
        .init("X-Connection: upgrade\nUpgrade: x\n", .goesOn),
        .init("Connection: upgrade\nUpgrades: x\n", .goesOn),
        .init("Connection: upgrade\nX-Upgrade: x\n", .goesOn),
        .init("Keep-Alive: upgrade\nUpgrade: x\n", .goesOn),
        .init("TE: upgrade\nUpgrade: x\n", .goesOn),
        // How `Upgrade` is read
        .init("Connection: upgrade\n", .goesOn),
        .init("Connection: upgrade\nUpgrade:\n", .goesOn),
        .init("Connection: upgrade\nUpgrade: \t \n", .goesOn),
        .init("Connection: upgrade\nUpgrade:\nUpgrade: x\n", .stops),
        .init("Connection: upgrade\nUpgrade: x\nUpgrade:\n", .stops),
        .init("Connection: upgrade\nUpgrade: ,\n", .stops),
        .init("Connection: upgrade\nUpgrade: \"\"\n", .stops),
        .init("Connection: upgrade\nUpgrade: h2c/1.0, websocket\n", .stops),
        .init("Upgrade: websocket\n", .goesOn),
        .init("HTTP2-Settings: AAMAAABkAAQAAP__\nConnection: HTTP2-Settings\n", .goesOn),
    ]

    private static let others: [Case] = [
        // The end of a connection is not a stop, and does not take precedence over one
        .init("", .goesOn),
        .init("Connection: close\n", .fails),
        .init("Connection: close\nUpgrade: x\n", .fails),
        .init("Proxy-Connection: close\n", .fails),
        .init("Connection: close\t\n", .goesOn),
        .init("Connection: close, upgrade\nUpgrade: x\n", .stops),
        .init("Connection: upgrade, close\nUpgrade: x\n", .stops),
        .init("Connection: upgrade\nProxy-Connection: close\nUpgrade: x\n", .stops),
        // Versions
        .init("GET / HTTP/1.0", "", .fails),
        .init("GET / HTTP/1.0", "Connection: keep-alive\n", .goesOn),
        .init("GET / HTTP/1.0", "Connection: keep-alive, close\n", .goesOn),
        .init("GET / HTTP/1.0", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("GET / HTTP/1.0", "Connection: keep-alive, upgrade\nUpgrade: x\n", .stops),
        .init("GET / HTTP/1.0", "Upgrade: x\n", .fails),
        .init("GET / HTTP/2.0", "Connection: upgrade\nUpgrade: x\n", .refuses),
        .init("GET / HTTP/1.2", "Connection: upgrade\nUpgrade: x\n", .refuses),
        .init("GET /", "Connection: upgrade\nUpgrade: x\n", .refuses),
        // Methods
        .init("CONNECT a:443 HTTP/1.1", "Host: a:443\n", .stops),
        .init("CONNECT a:443 HTTP/1.1", "Connection: close\n", .stops),
        .init("CONNECT a:443 HTTP/1.0", "", .stops),
        .init("CONNECT a:443 HTTP/1.1", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("CONNECT a:443 HTTP/1.1", "Content-Length: 2\n", body: "ok", .stops),
        .init("CONNECT a:443 HTTP/1.1", "Transfer-Encoding: chunked\n", body: "2\r\nok\r\n0\r\n\r\n", .stops),
        .init("connect a:443 HTTP/1.1", "Host: a:443\n", .refuses),
        .init("HEAD / HTTP/1.1", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("OPTIONS * HTTP/1.1", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("OPTIONS * HTTP/1.1", "Upgrade: x\n", .goesOn),
        .init("QUERY / HTTP/1.1", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("TRACE / HTTP/1.1", "", .goesOn),
        .init("PRI * HTTP/2.0", "\nSM\n", .refuses),
        .init("PRI * HTTP/1.1", "Host: a\n", .refuses),
        .init("PRI / HTTP/1.1", "Connection: upgrade\nUpgrade: x\n", .refuses),
        .init("OPTIONS * RTSP/1.0", "Connection: keep-alive\n", .goesOn),
        .init("SOURCE / ICE/1.0", "Connection: upgrade\nUpgrade: x\n", .stops),
        // Bodies
        .init("POST / HTTP/1.1", "Content-Length: 2\nConnection: upgrade\nUpgrade: x\n", body: "ok", .stops),
        .init("POST / HTTP/1.1", "Content-Length: 2\n", body: "ok", .goesOn),
        .init("POST / HTTP/1.1", "Content-Length: 0\nConnection: upgrade\nUpgrade: x\n", .stops),
        .init(
            "POST / HTTP/1.1", "Connection: upgrade\nUpgrade: x\nTransfer-Encoding: chunked\n",
            body: "2\r\nok\r\n0\r\n\r\n", .stops),
        .init("POST / HTTP/1.1", "Transfer-Encoding: chunked\n", body: "2\r\nok\r\n0\r\n\r\n", .goesOn),
        .init("POST / HTTP/1.1", "Transfer-Encoding: gzip\n", .fails),
        .init("POST / HTTP/1.1", "Transfer-Encoding: gzip\nConnection: upgrade\nUpgrade: x\n", .stops),
        .init("Expect: 100-continue\nConnection: upgrade\nUpgrade: x\n", .stops),
        // Trailers come too late for a stop
        .init(
            "POST / HTTP/1.1", "Transfer-Encoding: chunked\n", body: "0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            .goesOn),
        .init(
            "POST / HTTP/1.1", "Transfer-Encoding: chunked\nConnection: upgrade\n", body: "0\r\nUpgrade: x\r\n\r\n",
            .goesOn),
        .init(
            "POST / HTTP/1.1", "Transfer-Encoding: chunked\nConnection: upgrade\nUpgrade: x\n",
            body: "0\r\nConnection: close\r\n\r\n", .stops),
        // What is not a line of a head
        .init("Connection:\n upgrade\nUpgrade: x\n", .refuses),
        .init("Connection: a,\n\tupgrade\nUpgrade: x\n", .refuses),
        .init("Connection : upgrade\nUpgrade: x\n", .refuses),
        .init("Connection: upgrade\u{0}\nUpgrade: x\n", .refuses),
        .init("Connection: upgrade\u{7F}\nUpgrade: x\n", .refuses),
    ]

    @Test("behind a request, the rule says what the decoder does", arguments: Self.upgrades + Self.others)
    func behindRequest(_ request: Case) throws {
        for pieces in Self.cuts(request.bytes + Self.secondRequest) {
            let answer = try Self.decodeRequests(pieces)
            let outcome = Self.outcome(of: answer, behind: Self.secondRequest) { $0.uri == "/second" }
            #expect(outcome == request.outcome)
            guard outcome != .refuses, let head = answer.heads.first else { continue }
            #expect(DecoderStop.stops(after: head) == (outcome == .stops))
        }
    }

    @Test("a stopped decoder keeps all that comes, and gives it back when it is removed")
    func leftovers() throws {
        let upgrade = Array("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".utf8)
        let rest = [UInt8](repeating: 0xFF, count: 1 << 20)
        let answer = try Self.decodeRequests([upgrade[...], rest[...], rest[...]])
        #expect(answer.error == nil)
        #expect(answer.leftovers.readableBytes == 2 * rest.count)
    }

    /// A repeatable generator (SplitMix64).
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var value = self.state
            value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }

        mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &self)! }

        /// Pieces of lists, whole tokens more often than not.
        mutating func list() -> [UInt8] {
            let tokens = ["upgrade", "Upgrade", "UPGRADE", "close", "keep-alive", "HTTP2-Settings"]
            let scraps = [
                "up", "grade", "upgraded", "x", " ", "\t", "  ", ";", "=", "\"", "\u{E9}", "\u{301}", "\u{200D}",
            ]
            var value: [UInt8] = []
            for _ in 0..<Int.random(in: 0...5, using: &self) {
                switch Int.random(in: 0..<20, using: &self) {
                case 0..<9: value += Array(self.pick(tokens).utf8)
                case 9..<14: value += Array(self.pick([",", ", ", " ,", ",\t", ",,"]).utf8)
                case 14..<19: value += Array(self.pick(scraps).utf8)
                default: value.append(UInt8.random(in: 0x80 ... .max, using: &self))  // no UTF-8, most likely
                }
            }
            return value
        }

        mutating func request() -> [UInt8] {
            var lines: [[UInt8]] = []
            for _ in 0..<Int.random(in: 1...4, using: &self) {
                let name = self.pick(
                    ["Connection", "connection", "Proxy-Connection", "PROXY-CONNECTION", "Connections", "Keep-Alive"])
                lines.append(Array("\(name):\(self.pick(["", " ", "\t", "  "]))".utf8) + self.list())
            }
            for _ in 0..<Int.random(in: 0...2, using: &self) {
                let value = self.pick(["", " ", "\t", "x", " websocket", " h2c ", " ,", "\tx\t", " \u{E9}"])
                lines.append(Array("\(self.pick(["Upgrade", "UPGRADE", "upgrade", "Upgrades"])):\(value)".utf8))
            }
            let body = self.pick(["", "", "", "ok", "2\r\nok\r\n0\r\n\r\n"])
            if body == "ok" { lines.append(Array("Content-Length: 2".utf8)) }
            if body.utf8.count > 2 { lines.append(Array("Transfer-Encoding: chunked".utf8)) }
            lines.shuffle(using: &self)
            let method = self.pick(["GET /", "GET /", "GET /", "POST /", "OPTIONS *", "CONNECT a:443"])
            let line = "\(method) HTTP/1.\(self.pick([1, 1, 1, 0]))\r\n"
            return Array(line.utf8) + lines.flatMap { $0 + [0x0D, 0x0A] } + Array("\r\n\(body)".utf8)
        }

        mutating func cut(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
            let places = (0..<Int.random(in: 0...3, using: &self)).map { _ in
                Int.random(in: 0...bytes.count, using: &self)
            }
            let ends = places.sorted() + [bytes.count]
            return zip([0] + ends, ends).map { bytes[$0..<$1] }
        }
    }

    @Test("behind requests of all kinds, the rule says what the decoder does", arguments: 1...8 as ClosedRange<UInt64>)
    func behindAnyRequest(_ seed: UInt64) throws {
        var generator = Generator(state: seed)
        var counts: [Outcome: Int] = [:]
        for _ in 0..<1000 {
            let request = generator.request()
            let answer = try Self.decodeRequests(generator.cut(request + Self.secondRequest))
            let outcome = Self.outcome(of: answer, behind: Self.secondRequest) { $0.uri == "/second" }
            counts[outcome, default: 0] += 1
            guard outcome != .refuses, let head = answer.heads.first else { continue }
            let expected = DecoderStop.stops(after: head) ? Outcome.stops : head.isKeepAlive ? .goesOn : .fails
            #expect(outcome == expected, "\(String(decoding: request, as: UTF8.self).debugDescription)")
        }
        // Otherwise the generator shows little.
        for outcome in [Outcome.goesOn, .stops, .fails] { #expect(counts[outcome, default: 0] > 100) }
        #expect(counts[.refuses, default: 0] == 0)
    }

    // MARK: Answers

    private static let answers: [Case] = [
        .init("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade\nUpgrade: websocket\n", .stops),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: a, UPGRADE ,b\nUpgrade: x\n", .stops),
        .init("HTTP/1.1 101 Switching Protocols", "Connection:\tupgrade\nUpgrade: x\n", .stops),
        .init("HTTP/1.1 101 Switching Protocols", "Proxy-Connection: upgrade\nUpgrade: x\n", .stops),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: close, upgrade\nUpgrade: x\n", .stops),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\nUpgrade: x\nContent-Length: 2\n", .stops),
        .init("HTTP/1.0 101 Switching Protocols", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("HTTP/1.1 101", "Connection: upgrade\nUpgrade: x\n", .stops),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\t\nUpgrade: x\n", .goesOn),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\t, upgraded\nUpgrade: x\n", .goesOn),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: upgraded\nUpgrade: x\n", .goesOn),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\nUpgrade:\n", .goesOn),
        .init("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\n", .goesOn),
        .init("HTTP/1.1 101 Switching Protocols", "Upgrade: x\n", .goesOn),
        .init("HTTP/1.1 101 Switching Protocols", "", .goesOn),
        .init("HTTP/1.1 200 OK", "Connection: upgrade\nUpgrade: x\nContent-Length: 0\n", .goesOn),
        .init("HTTP/1.1 204 No Content", "Connection: upgrade\nUpgrade: x\n", .goesOn),
        .init("HTTP/1.1 426 Upgrade Required", "Connection: upgrade\nUpgrade: x\nContent-Length: 0\n", .goesOn),
        .init("HTTP/1.1 200 OK", "Connection: close, upgrade\nUpgrade: x\nContent-Length: 0\n", .fails),
    ]

    @Test("behind an answer, the rule says what the decoder does", arguments: Self.answers)
    func behindAnswer(_ answer: Case) throws {
        for pieces in Self.cuts(answer.bytes + Self.secondAnswer) {
            let decoded = try Self.decodeAnswers(pieces, to: .GET)
            let outcome = Self.outcome(of: decoded, behind: Self.secondAnswer) { $0.status.code == 299 }
            #expect(outcome == answer.outcome)
            let head = try #require(decoded.heads.first)
            #expect(DecoderStop.stops(after: head) == (outcome == .stops))
        }
    }

    @Test("behind an answer to CONNECT the decoder of a client goes on")
    func answerToConnect() throws {
        let bytes = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + Self.secondAnswer
        let answer = try Self.decodeAnswers([bytes[...]], to: .CONNECT)
        #expect(answer.heads.map(\.status.code) == [200, 299])
        #expect(answer.heads.map { DecoderStop.stops(after: $0) } == [false, false])
    }
}
