import MartletWebSocket
import NIOCore

/// Publications of one channel that go out together, encoded once for all sessions of an event loop that are sent the
/// same. Used on that loop only.
final class PublicationBatch {
    let channel: UserChannel
    private(set) var publications: [Publication]

    /// Of the register dialect: each message as it is.
    private(set) lazy var messages: PreparedBatch = {
        var batch = PreparedBatch()
        for publication in self.publications { batch.append(text: publication.data) }
        return batch
    }()

    /// Of the event-stream dialect, for sessions that hear this channel and no other.
    private(set) lazy var items = EventStreamItems(
        self.publications.map {
            EventStreamItem(
                event: self.channel.event, data: $0.data,
                id: $0.position.map { position in
                    EventStreamID([(self.channel.event, position)])
                })
        })

    init(_ channel: UserChannel, _ publications: Publication...) {
        self.channel = channel
        self.publications = publications
    }

    var count: Int { self.publications.count }

    /// To be called before anything is encoded.
    func append(_ publication: Publication) { self.publications.append(publication) }
}
