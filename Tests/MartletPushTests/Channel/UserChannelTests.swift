import Testing

@testable import MartletPush

@Suite("User channels")
struct UserChannelTests {
    @Test("no two have one name, whatever stands in user and event")
    func unambiguous() {
        let parts = [
            "a", "b", "#", "a#b", "b#", "#b", ",", "a,b", "%", "%23", "%2C", "%25", "a%23b", "a%2523b", "e\u{301}",
            "\u{e9}",
        ]
        let channels = parts.flatMap { user in parts.map { UserChannel(user: user, event: $0) } }
        #expect(Set(channels).count == channels.count)
        #expect(Set(channels.map(\.name)).count == channels.count)
        #expect(channels.allSatisfy { UserChannel.event(of: $0.name).utf8.elementsEqual($0.event.utf8) })
    }

    @Test("plain names are what they seem")
    func plain() {
        #expect(UserChannel(user: "42", event: "alerts").name == ChannelName("alerts#42"))
        #expect(UserChannel(user: "é", event: "x#y").name == ChannelName("x#y#é"))
        #expect(UserChannel(user: "a#b,c%", event: "x").name == ChannelName("x#a%23b%2Cc%25"))
        #expect(UserChannel.event(of: ChannelName("news")) == "news")
    }

    @Test(
        "in the API of servers the user stands behind the first mark, as it is",
        arguments: [
            ("alerts#42", "42", "alerts"), ("a#b#c", "b#c", "a"), ("x#50%", "50%", "x"), ("x#a%2Cb", "a%2Cb", "x"),
            ("x#42,43", "42,43", "x"),
        ])
    func parsed(name: String, user: String, event: String) {
        #expect(UserChannel(name: name) == UserChannel(user: user, event: event))
    }

    @Test("other names are none", arguments: ["", "x", "#", "#a", "x#", "news"])
    func none(name: String) { #expect(UserChannel(name: name) == nil) }
}
