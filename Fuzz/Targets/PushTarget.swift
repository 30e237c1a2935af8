import NIOCore

@testable import MartletPush

/// The bodies of the push service: `POST /push` and messages of the register dialect, and ids with which clients
/// resume. The careful reader reads what the quick one takes in the same way.
enum PushTarget {
    private static let broker = MemoryBroker()

    static func run(_ input: inout FuzzInput) {
        let json = ByteBuffer(bytes: input.rest())
        if let id = ResumeID(String(buffer: json)) {
            for (event, position) in id.positions {
                let channel = UserChannel(user: "jack", event: event).name
                Self.broker.history(of: channel, since: position) { _ in }
            }
        }
        let names: [StaticString] = ["userId", "event", "message"]
        if let values = PlainStrings.read(json, names: names) {
            let fields = try? JSONObject(json)
            for (name, value) in zip(names, values) {
                FuzzTarget.check(
                    (try? fields?.string(.folded("\(name)"))).map { $0.utf8.elementsEqual(value.utf8) } ?? false,
                    "\(name) is read differently"
                )
            }
        }
        if let message = PushMessage(json: json) {
            FuzzTarget.check(!message.message.isEmpty && message.channel.isValid, "nobody could subscribe to this")
        }
        if let message = RegisterMessage(json: json) {
            FuzzTarget.check(!message.event.isEmpty && message.token?.isEmpty == false, "something is missing")
        }
        _ = RegisterMessage(json: json, needsToken: false)
    }
}
