import MartletPush
import NIOCore

/// This process, as the API describes it.
struct APINode: Sendable {
    let id = String(UInt64.random(in: .min ... .max), radix: 36)
    let startedAt = NIODeadline.now()

    func describe(_ service: PushService) -> APIReply.Node {
        let counters = service.counters
        return APIReply.Node(
            uid: self.id, name: "martlet", version: Version.current,
            num_clients: counters[.sessions] + counters[.eventStreams] + counters[.polls],
            num_users: service.userCount, num_channels: service.channelCount,
            uptime: Int((NIODeadline.now() - self.startedAt).nanoseconds / 1_000_000_000))
    }
}
