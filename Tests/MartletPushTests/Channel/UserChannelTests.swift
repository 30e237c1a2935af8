import Testing

@testable import MartletPush

@Suite("User channels")
struct UserChannelTests {
    @Test(
        "no two have one name",
        arguments: [("a#b", "c"), ("b", "c#a"), ("b,d", "x"), ("b%2Cd", "x"), ("%", "#"), ("é", "e")])
    func unambiguous(user: String, event: String) throws {
        let channel = UserChannel(user: user, event: event)
        #expect(UserChannel(name: channel.name.text) == channel)
        #expect(UserChannel.event(of: channel.name) == event)
    }

    @Test("names of two users or events differ where their bytes do")
    func different() {
        #expect(UserChannel(user: "a#b", event: "c").name != UserChannel(user: "b", event: "c#a").name)
        #expect(UserChannel(user: "e\u{301}", event: "x").name != UserChannel(user: "\u{e9}", event: "x").name)
        #expect(UserChannel(user: "a%23", event: "x").name != UserChannel(user: "a#", event: "x").name)
    }

    @Test("a percent sign that begins no escape stands for itself")
    func percent() {
        #expect(UserChannel(name: "x#50%") == UserChannel(user: "50%", event: "x"))
        #expect(UserChannel(name: "x#%2") == UserChannel(user: "%2", event: "x"))
        #expect(UserChannel(name: "x#%20") == UserChannel(user: "%20", event: "x"))
        #expect(UserChannel(name: "x#42,43") == UserChannel(user: "42,43", event: "x"))
    }

    @Test("other names are none", arguments: ["", "x", "#", "#a", "x#", "news"])
    func none(name: String) { #expect(UserChannel(name: name) == nil) }
}
