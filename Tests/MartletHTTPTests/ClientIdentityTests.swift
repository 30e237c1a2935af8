import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@testable import MartletHTTP

@Suite("Who sent a request")
struct ClientIdentityTests {
    private static let peer = "192.0.2.7"

    /// - Parameter networks: the networks that are trusted.
    private static func identity(
        _ fields: [(String, String)], networks: [String] = ["192.0.2.0/24", "10.0.0.0/8", "2001:db8:ffff::/48"],
        isSecure: Bool = false
    ) throws -> ClientIdentity {
        ClientIdentity(
            HTTPHeaders(fields), peer: try SocketAddress(ipAddress: Self.peer, port: 1), address: Self.peer,
            trusted: TrustedProxies(try networks.map { try #require(IPNetwork($0)) }), isSecure: isSecure)
    }

    @Test(
        "the client is the last address of X-Forwarded-For that is not a trusted proxy",
        arguments: [
            ([], "192.0.2.7"), (["203.0.113.9"], "203.0.113.9"), (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (["6.6.6.6, 203.0.113.9, 10.1.2.3"], "203.0.113.9"), (["203.0.113.9,10.1.2.3\t,10.1.2.4"], "203.0.113.9"),
            (["6.6.6.6", "203.0.113.9", "10.1.2.3"], "203.0.113.9"), (["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
            (["203.0.113.9:1234"], "203.0.113.9"), (["203.0.113.9:_x"], "203.0.113.9"),
            (["[2001:db8::1]:443"], "2001:db8::1"),
            (["2001:db8::1"], "2001:db8::1"), (["2001:db8::1, 2001:db8:ffff::1"], "2001:db8::1"),
            (["::ffff:203.0.113.9, ::ffff:10.1.2.3"], "::ffff:203.0.113.9"), (["", ",", "203.0.113.9"], "203.0.113.9"),
            // What is not an address ends the chain.
            (["6.6.6.6, unknown"], "192.0.2.7"), (["6.6.6.6, unknown, 10.1.2.3"], "10.1.2.3"),
            (["nonsense"], "192.0.2.7"),
            (["6.6.6.6, 10.0.0.0/8"], "192.0.2.7"), (["6.6.6.6, 10.0.0.0/8, 10.1.2.3"], "10.1.2.3"),
            (["6.6.6.6, localhost"], "192.0.2.7"), (["6.6.6.6, 10.1"], "192.0.2.7"),
            (["6.6.6.6, 010.1.2.3"], "192.0.2.7"),
            // Open quotes hide nothing.
            ([#""6.6.6.6, 203.0.113.9"#], "203.0.113.9"), ([#"6.6.6.6", 203.0.113.9"#], "203.0.113.9"),
        ] as [([String], String)])
    func forwardedFor(values: [String], expected: String) throws {
        #expect(try Self.identity(values.map { ("X-Forwarded-For", $0) }).address == expected)
    }

    @Test("a trusted network may be one address")
    func oneAddress() throws {
        let fields = [("X-Forwarded-For", "203.0.113.9, 10.1.2.4, 10.1.2.3")]
        #expect(try Self.identity(fields, networks: [Self.peer, "10.1.2.3"]).address == "10.1.2.4")
        #expect(try Self.identity(fields, networks: [Self.peer, "10.1.2.3/32", "10.1.2.4"]).address == "203.0.113.9")
    }

    @Test(
        "the last proxy says whether the client's connection is TLS",
        arguments: [
            ([], false, false), ([], true, true), (["https"], false, true), (["HTTPS"], false, true),
            (["wss"], false, true),
            (["http"], true, false), (["ws"], true, false), (["nonsense"], true, false), (["https, http"], true, false),
            (["http, https"], false, true), (["http", "https"], false, true), ([""], true, true),
        ])
    func forwardedProto(values: [String], isSecure: Bool, expected: Bool) throws {
        let identity = try Self.identity(values.map { ("X-Forwarded-Proto", $0) }, isSecure: isSecure)
        #expect(identity.isClientSecure == expected)
        #expect(identity.isSecure == isSecure)
    }

    @Test(
        "the last proxy says which host the client named, if it is one",
        arguments: [
            ([], nil), (["example.com"], "example.com"), (["example.com:8443"], "example.com:8443"),
            (["[::1]:80"], "[::1]:80"),
            (["evil, example.com"], "example.com"), (["evil", "example.com"], "example.com"), ([""], nil),
            (["a b"], nil),
            (["a/b"], nil), (["user@a"], nil), (["a:http"], nil), (["[::1"], nil), (["a\"b"], nil), (["ä"], nil),
            (["example.com, a b"], nil),
        ] as [([String], String?)])
    func forwardedHost(values: [String], expected: String?) throws {
        #expect(try Self.identity(values.map { ("X-Forwarded-Host", $0) }).authority == expected)
    }

    @Test("Forwarded says all three")
    func forwarded() throws {
        let identity = try Self.identity([
            (
                "Forwarded",
                #"for=6.6.6.6;proto=http;host=evil, For="203.0.113.9:_p" ; PROTO=Https;host="example.com:8443""#
            )
        ])
        #expect(identity.peer == Self.peer && identity.isPeerTrusted)
        #expect(
            identity.address == "203.0.113.9" && identity.isClientSecure && identity.authority == "example.com:8443")
    }

    @Test(
        "of Forwarded the last element tells of the last connection",
        arguments: [
            (["for=203.0.113.9;proto=https;host=evil, for=10.1.2.3"], "203.0.113.9", false, nil),
            (["for=203.0.113.9", "for=10.1.2.3;proto=https;host=a"], "203.0.113.9", true, "a"),
            (["proto=https;host=a"], "192.0.2.7", true, "a"), (["for=_hidden;proto=https"], "192.0.2.7", true, nil),
            (["for=6.6.6.6, for=unknown;host=a"], "192.0.2.7", false, "a"),
            ([#"host="a b";for=203.0.113.9"#], "203.0.113.9", false, nil),
            ([#"host="a, b";for=203.0.113.9"#], "203.0.113.9", false, nil),
            ([#"host="";proto="""#], "192.0.2.7", false, ""),
            // What a client wrote cannot hide what a proxy added after it.
            ([#"for="x, for="[2001:db8::1]""#], "2001:db8::1", false, nil),
            ([#"for="x\", for="[2001:db8::1]";proto=https"#], "2001:db8::1", true, nil),
            ([#"for="x"#, #"for="[2001:db8::1]""#], "2001:db8::1", false, nil),
        ] as [([String], String, Bool, String?)])
    func lastElement(values: [String], address: String, isSecure: Bool, authority: String?) throws {
        let identity = try Self.identity(values.map { ("Forwarded", $0) })
        #expect(identity.address == address)
        #expect(identity.isClientSecure == isSecure)
        #expect(identity.authority == authority)
    }

    @Test("where an X-Forwarded header is there, Forwarded says nothing")
    func both() throws {
        let forwarded = ("Forwarded", "for=203.0.113.1;proto=https;host=evil")
        let first = try Self.identity([forwarded, ("X-Forwarded-For", "203.0.113.9")])
        #expect(first.address == "203.0.113.9" && !first.isClientSecure && first.authority == nil)
        let second = try Self.identity([forwarded, ("X-Forwarded-For", " , ")])
        #expect(
            second.address == "203.0.113.1" && second.isClientSecure && second.authority == "evil",
            "an empty one is none")
        let third = try Self.identity([forwarded, ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "a")])
        #expect(third.address == Self.peer && !third.isClientSecure && third.authority == "a")
        for older in [("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "a")] {
            let identity = try Self.identity([forwarded, older])
            #expect(identity.address == Self.peer && !identity.isClientSecure && identity.authority != "evil")
        }
    }

    @Test(
        "a peer that is not trusted is the client, and what it says is not even looked at",
        arguments: [[], ["10.0.0.0/8"], ["192.0.2.8"]])
    func untrusted(networks: [String]) throws {
        let trusted = TrustedProxies(try networks.map { try #require(IPNetwork($0)) })
        for trusted in [trusted, .none] {
            var asked: [HTTPField.Name] = []
            let identity = ClientIdentity(
                peer: try SocketAddress(ipAddress: Self.peer, port: 1), address: Self.peer, trusted: trusted,
                isSecure: true
            ) { name in
                asked.append(name)
                return ["203.0.113.9"]
            }
            #expect(asked.isEmpty)
            #expect(
                identity == ClientIdentity(peer: Self.peer, isPeerTrusted: false, address: Self.peer, isSecure: true))
            #expect(identity.isClientSecure && identity.authority == nil)
        }
    }

    @Test("a peer on a Unix domain socket is trusted if so configured", arguments: [true, false])
    func unixSocket(isTrusted: Bool) throws {
        let trusted = TrustedProxies([try #require(IPNetwork("10.0.0.0/8"))], unixSockets: isTrusted)
        for peer in [nil, try SocketAddress(unixDomainSocketPath: "/tmp/x")] {
            let identity = ClientIdentity(
                ["X-Forwarded-For": "203.0.113.9, 10.1.2.3", "X-Forwarded-Proto": "https"], peer: peer, address: nil,
                trusted: trusted, isSecure: false)
            #expect(identity.isPeerTrusted == isTrusted && identity.peer == nil)
            #expect(identity.address == (isTrusted ? "203.0.113.9" : nil))
            #expect(identity.isClientSecure == isTrusted)
        }
    }

    @Test("an IPv4 peer that came as IPv6 is trusted as what it is")
    func mapped() throws {
        let peer = try SocketAddress(ipAddress: "::ffff:192.0.2.7", port: 1)
        let identity = ClientIdentity(
            ["X-Forwarded-For": "203.0.113.9"], peer: peer, address: peer.ipAddress,
            trusted: TrustedProxies([try #require(IPNetwork("192.0.2.0/24"))]), isSecure: false)
        #expect(identity.isPeerTrusted && identity.address == "203.0.113.9")
    }

    @Test("requests of either kind say the same")
    func httpTypes() throws {
        let peer = try SocketAddress(ipAddress: Self.peer, port: 1)
        let trusted = TrustedProxies([try #require(IPNetwork(Self.peer))])
        var request = HTTPRequest(method: .get, scheme: "http", authority: "a", path: "/")
        request.headerFields[values: .xForwardedFor] = ["6.6.6.6", "203.0.113.9"]
        request.headerFields[.xForwardedProto] = "https"
        request.headerFields[.xForwardedHost] = "example.com"
        let headers: HTTPHeaders = [
            "x-forwarded-for": "6.6.6.6", "X-FORWARDED-FOR": "203.0.113.9", "x-forwarded-proto": "https",
            "x-forwarded-host": "example.com",
        ]
        let identity = trusted.client(of: request, peer: peer, isSecure: false)
        #expect(identity.address == "203.0.113.9" && identity.isClientSecure && identity.authority == "example.com")
        #expect(
            identity
                == ClientIdentity(headers, peer: peer, address: Self.peer, trusted: trusted, isSecure: false))
    }

    // An Int may have a sign.
    @Test("the length of a network is digits", arguments: ["10.0.0.0/+8", "10.0.0.0/-0", "::/+1"])
    func signs(text: String) { #expect(IPNetwork(text) == nil) }
}
